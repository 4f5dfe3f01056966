//! Which way to a destination: the longest prefix wins (RFC 1122 §3.3.1, RFC 1812 §5.2.4.3). Called by
//! [`crate::host`].

use std::net::IpAddr;

use super::cidr::Cidr;
use crate::host::InterfaceId;

/// One line of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// For these destinations;
    pub destination: Cidr,
    /// through this router, or straight to them;
    pub gateway: Option<IpAddr>,
    /// out of this interface.
    pub interface: InterfaceId,
    /// Among equal prefixes the lower wins.
    pub metric: u32,
}

/// Where a packet goes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NextHop {
    /// Out of this interface,
    pub interface: InterfaceId,
    /// to this neighbour.
    pub neighbour: IpAddr,
}

/// All routes, most specific first.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    routes: Vec<Route>,
}

impl Routes {
    /// Adds a route; one for the same prefix, gateway and interface is replaced.
    pub fn add(&mut self, route: Route) {
        self.remove(|old| {
            (old.destination, old.gateway, old.interface) == (route.destination, route.gateway, route.interface)
        });
        let key = |route: &Route| (std::cmp::Reverse(route.destination.length), route.metric);
        let index = self.routes.partition_point(|old| key(old) <= key(&route));
        self.routes.insert(index, route);
    }

    /// Removes every route for which `unwanted` says so.
    pub fn remove(&mut self, unwanted: impl Fn(&Route) -> bool) {
        self.routes.retain(|route| !unwanted(route));
    }

    /// The way to `destination`.
    pub fn find(&self, destination: IpAddr) -> Option<NextHop> {
        let route = self.routes.iter().find(|route| route.destination.contains(destination))?;
        Some(NextHop { interface: route.interface, neighbour: route.gateway.unwrap_or(destination) })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_085_the_longest_prefix_wins_whatever_the_order() {
        let interface = InterfaceId(0);
        let route = |cidr: &str, gateway: &str, metric| Route {
            destination: cidr.parse().unwrap(),
            gateway: gateway.parse().ok(),
            interface,
            metric,
        };
        let all = [
            route("0.0.0.0/0", "10.0.0.1", 0),
            route("10.0.0.0/24", "", 0),
            route("10.1.0.0/16", "10.0.0.2", 5),
            route("10.1.0.0/16", "10.0.0.3", 1),
            route("10.1.2.3/32", "10.0.0.4", 0),
        ];
        for start in 0..all.len() {
            let mut routes = Routes::default();
            for index in 0..all.len() {
                routes.add(all[(start + index) % all.len()]);
            }
            for (destination, next) in
                [("10.0.0.9", "10.0.0.9"), ("10.1.2.3", "10.0.0.4"), ("10.1.2.4", "10.0.0.3"), ("8.8.8.8", "10.0.0.1")]
            {
                let found = routes.find(destination.parse().unwrap()).unwrap();
                assert_eq!(found.neighbour.to_string(), next, "{destination}");
            }
            assert_eq!(routes.find("fd00::1".parse().unwrap()), None);
        }
    }
}
