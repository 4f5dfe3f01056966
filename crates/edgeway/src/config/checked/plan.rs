//! From the checked form to one worker's plan. Everything in a plan belongs to its worker; what is shared is behind
//! an `Arc` in the checked form already.

use std::rc::Rc;

use edgeway_http::semantics::{FieldName, Fields};
use edgeway_net::drive::tls::ClientSettings;
use edgeway_serve::plan::{self, Plan};
use edgeway_serve::stages::admit::Admit;
use edgeway_serve::stages::dns::Dns;
use edgeway_serve::stages::files::Files;
use edgeway_serve::stages::proxy::{self, target::Target};
use edgeway_serve::stages::store::Store;
use edgeway_serve::stages::transform::Transform;

use super::Checked;
use super::proxy::Server;
use super::route::{End, Route};
use super::site::Site;
use crate::run::issuing::IssueEnd;

impl Checked {
    /// A worker's own plan.
    pub fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        plan.trusted = self.trusted.clone();
        for site in &self.sites {
            let ready = Rc::new(site.plan());
            site.hosts.iter().for_each(|host| plan.add(host, Rc::clone(&ready)));
        }
        plan
    }
}

impl Site {
    fn plan(&self) -> plan::Site {
        let mut secure_fields = Fields::default();
        if let Some(value) = &self.strict_transport_security {
            secure_fields.set(FieldName::StrictTransportSecurity, value.as_str());
        }
        plan::Site {
            name: self.hosts.first().map(String::as_str).unwrap_or_default().into(),
            redirect: self.redirect.clone(),
            https_port: self.https_port,
            secure_fields,
            client_rule: self.client_rule,
            error_pages: self.error_pages.clone(),
            routes: self.routes.iter().map(Route::plan).collect(),
        }
    }
}

impl Route {
    fn plan(&self) -> plan::Route {
        plan::Route {
            name: self.name.as_str().into(),
            matcher: self.matcher.clone(),
            body_limit: Some(self.body_limit),
            trace: self.trace,
            early_data: self.early_data,
            rewrite: self.rewrite.clone(),
            request_edits: self.request_edits.clone(),
            response_edits: self.response_edits.clone(),
            stages: self.stages(),
            end: self.end.plan(),
        }
    }
}

impl Route {
    /// What stands around the end, outermost first: the order of `edgeway_serve::chain::LIST`.
    fn stages(&self) -> Vec<Rc<dyn plan::Stage>> {
        let admit = self.admit.as_ref().map(|shared| Rc::new(Admit::new(shared.clone())) as Rc<dyn plan::Stage>);
        let transform =
            self.transform.as_ref().map(|settings| Rc::new(Transform::new(settings.clone())) as Rc<dyn plan::Stage>);
        admit.into_iter().chain(transform).collect()
    }
}

impl End {
    fn plan(&self) -> Rc<dyn plan::End> {
        match self {
            Self::Files(shared) => Rc::new(Files::new(shared.clone())),
            Self::Store(shared) => Rc::new(Store::new(shared.clone())),
            Self::Proxy(proxy) => {
                let targets = proxy.servers.iter().map(target).collect();
                Rc::new(proxy::Proxy::new(proxy.settings.clone(), targets))
            }
            Self::Dns => Rc::new(Dns),
            Self::Redirect(redirect) => Rc::new(redirect.clone()),
            Self::Respond(respond) => Rc::new(respond.clone()),
            Self::Issue(issue) => Rc::new(IssueEnd(issue.clone())),
        }
    }
}

fn target(server: &Server) -> Target {
    let mut target = Target::new(&server.label, server.place.clone());
    if let Some(version) = server.proxy_protocol {
        target = target.with_proxy_protocol(version);
    }
    if let Some(tls) = &server.tls {
        target = target.with_tls(ClientSettings {
            config: tls.config.clone(),
            name: tls.name.clone(),
            identity: tls.identity.as_str().into(),
        });
    }
    target
}
