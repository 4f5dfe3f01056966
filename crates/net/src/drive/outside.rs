//! A [`World`] behind one pointer, for the stages: they dial rarely and read clocks often, and need no type parameter for it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use edgeway_base::world::Address;
use edgeway_base::{Entropy, Instant, WallTime, World};

use super::transport::{Plain, Transport};

/// A future in a box, for what happens once per connection.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What the stages may ask of the outside.
pub trait Outside {
    /// The monotonic clock.
    fn now(&self) -> Instant;
    /// The calendar.
    fn wall(&self) -> WallTime;
    /// Chance.
    fn entropy(&self) -> Box<dyn Entropy>;
    /// Connects; the caller bounds it with a timeout.
    fn dial<'a>(&'a self, to: &'a Address) -> Boxed<'a, io::Result<Box<dyn Transport>>>;
    /// The addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Boxed<'a, io::Result<Vec<SocketAddr>>>;
}

impl<W: World> Outside for W {
    fn now(&self) -> Instant {
        World::now(self)
    }

    fn wall(&self) -> WallTime {
        World::wall(self)
    }

    fn entropy(&self) -> Box<dyn Entropy> {
        World::entropy(self)
    }

    fn dial<'a>(&'a self, to: &'a Address) -> Boxed<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let stream = World::dial(self, to).await?;
            Ok(Box::new(Plain(stream)) as Box<dyn Transport>)
        })
    }

    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(World::resolve(self, name, port))
    }
}
