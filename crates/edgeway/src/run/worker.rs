//! One worker: its listeners, its plan, its connections. Started by the control thread on a thread of its own; takes [`Order`]s until it
//! has drained.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::world::Address;
use edgeway_http::semantics::forwarded::TrustedPeers;
use edgeway_net::drive::accept::{Addresses, Door, Entrance};
use edgeway_net::drive::gate::Gate;
use edgeway_net::drive::messages::{self, Scratch, Sharing};
use edgeway_net::drive::{accept, datagrams};
use edgeway_net::os::{BatchSocket, Kernel, KernelListener};
use edgeway_serve::names::Zones;
use edgeway_serve::stages::record::Recorder;
use edgeway_serve::stages::record::access_log::AccessLog;
use edgeway_serve::{Edge, Names, Plan};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::keeper::tokens::TokenEnd;
use super::shared::{Shared, certificates};
use super::sockets::Purpose;
use crate::config::checked::Checked;
use crate::limits::{CERTIFICATE_WAIT_MAX, CONNECTIONS_PER_ADDRESS_MAX, HANDSHAKE_TIMEOUT};

/// What the control thread tells a worker.
pub enum Order {
    /// Serve this configuration from now on.
    Serve(Arc<Checked>),
    /// Serve these zones from now on.
    Zones(Arc<Zones>),
    /// Listen here too.
    Listen(Purpose, Address, socket2::Socket),
    /// Listen here no more; connections that came this way live on.
    Forget(Purpose, Address),
    /// Finish what is under way within this time, then end.
    Drain(Duration),
}

/// Runs worker `index` until it has drained.
pub async fn run(
    index: usize,
    world: Kernel,
    shared: Arc<Shared>,
    (checked, zones): (Arc<Checked>, Arc<Zones>),
    workers: usize,
    mut orders: UnboundedReceiver<Order>,
) {
    let edge = Edge::new(
        Rc::new(world.clone()),
        plan(&shared, &checked),
        recorder(index, &shared, &checked),
        &shared.pseudonym,
    );
    let names = Names::new(Rc::clone(&edge), zones);
    edge.set_names(&names);
    let house = tokio::task::spawn_local(Rc::clone(&edge).keep_house());
    let mut worker = Worker {
        index,
        workers,
        world,
        shared,
        checked,
        edge,
        names,
        scratch: messages::scratch(),
        gate: Gate::new(),
        addresses: Rc::default(),
        listening: HashMap::new(),
    };
    let patience = loop {
        match orders.recv().await {
            Some(Order::Serve(checked)) => worker.serve(checked),
            Some(Order::Zones(zones)) => worker.names.replace(zones),
            Some(Order::Listen(purpose, address, socket)) => worker.listen(purpose, address, socket),
            Some(Order::Forget(purpose, address)) => {
                if let Some((_, task)) = worker.listening.remove(&(purpose, address)) {
                    task.abort();
                }
            }
            Some(Order::Drain(patience)) => break patience,
            None => break Duration::ZERO,
        }
    };
    worker.drain(patience).await;
    house.abort();
}

/// A worker's own plan, and the answers to ACME servers before it.
fn plan(shared: &Shared, checked: &Checked) -> Plan {
    let mut plan = checked.plan();
    plan.challenges = Some(Rc::new(TokenEnd(Arc::clone(&shared.tokens))));
    plan
}

fn recorder(index: usize, shared: &Shared, checked: &Checked) -> Recorder {
    let metrics = Arc::clone(&shared.metrics[index]);
    let log = shared.log.load();
    let log = (**log).clone().map(|writer| AccessLog::new(checked.logging.format, writer, Arc::clone(&metrics)));
    Recorder::new(metrics, log).with_queries(checked.logging.queries)
}

struct Worker {
    index: usize,
    workers: usize,
    world: Kernel,
    shared: Arc<Shared>,
    checked: Arc<Checked>,
    edge: Rc<Edge>,
    names: Rc<Names>,
    /// In which answers to streams are composed.
    scratch: Scratch,
    gate: Rc<Gate>,
    addresses: Rc<Addresses>,
    listening: HashMap<(Purpose, Address), (Rc<Door>, JoinHandle<()>)>,
}

impl Worker {
    fn serve(&mut self, checked: Arc<Checked>) {
        self.edge.replace_plan(plan(&self.shared, &checked));
        self.edge.replace_recorder(recorder(self.index, &self.shared, &checked));
        self.checked = checked;
        for ((purpose, _), (door, _)) in &self.listening {
            door.replace(self.entrance(*purpose));
        }
    }

    fn listen(&mut self, purpose: Purpose, address: Address, socket: socket2::Socket) {
        let door = Door::new(self.entrance(purpose));
        match self.start(purpose, &door, socket) {
            Ok(task) => {
                tracing::debug!(worker = self.index, %address, "listening");
                self.listening.insert((purpose, address), (door, task));
            }
            Err(error) => tracing::error!(%address, %error, "a listening socket cannot be used"),
        }
    }

    /// Starts what serves a socket.
    fn start(&self, purpose: Purpose, door: &Rc<Door>, socket: socket2::Socket) -> std::io::Result<JoinHandle<()>> {
        let (door, gate, addresses) = (Rc::clone(door), Rc::clone(&self.gate), Rc::clone(&self.addresses));
        let world = self.world.clone();
        Ok(match purpose {
            Purpose::Dns => {
                tokio::task::spawn_local(datagrams::run(BatchSocket::adopt(socket)?, Rc::clone(&self.names)))
            }
            Purpose::DnsStream | Purpose::Dot => {
                let (handler, scratch) = (Rc::clone(&self.names), Rc::clone(&self.scratch));
                let sharing = Sharing { handler, gate, addresses, scratch };
                tokio::task::spawn_local(messages::accept(KernelListener::adopt(socket)?, door, world, sharing))
            }
            Purpose::Http | Purpose::Https => {
                let listener = KernelListener::adopt(socket)?;
                let edge = Rc::clone(&self.edge);
                tokio::task::spawn_local(accept::run(listener, door, world, edge, gate, addresses, self.index))
            }
        })
    }

    fn entrance(&self, purpose: Purpose) -> Entrance {
        let trusted = &self.checked.listening.proxy_protocol;
        Entrance {
            certificates: matches!(purpose, Purpose::Https | Purpose::Dot).then(|| certificates(&self.shared)),
            proxy_protocol: (!trusted.is_empty()).then(|| TrustedPeers::new(trusted.clone())),
            limits: Arc::new(self.checked.limits),
            http2: self.checked.http2,
            // Where a certificate may have to come first, the handshake waits for it.
            handshake_timeout: match &self.checked.certificates.acme {
                Some(_) => HANDSHAKE_TIMEOUT + CERTIFICATE_WAIT_MAX,
                None => HANDSHAKE_TIMEOUT,
            },
            connections_max: (self.checked.connections_max as usize).div_ceil(self.workers),
            connections_per_address_max: CONNECTIONS_PER_ADDRESS_MAX,
        }
    }

    /// Stops accepting, lets requests under way finish, and closes what is idle.
    async fn drain(mut self, patience: Duration) {
        for (_, (_, task)) in self.listening.drain() {
            task.abort();
        }
        // What the kernel had already handed to the accept loops is inside the gate; now everyone is told.
        tokio::task::yield_now().await;
        self.gate.drain();
        let empty = std::future::poll_fn(|context| self.gate.poll_empty(context));
        if tokio::time::timeout(patience, empty).await.is_err() {
            tracing::warn!(worker = self.index, open = self.gate.open(), "connections did not finish in time");
        }
        self.edge.recorder().flush();
    }
}
