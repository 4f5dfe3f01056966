//! nginx, from Debian. Its best for small files: no sendfile, descriptors cached; its best for proxying: kept-alive
//! upstream connections and no temporary files.

use super::{Scene, Setup};
use crate::bench::cases::Work;
use anyhow::Result;
use std::process::Command;

pub(super) fn prepare(scene: &Scene<'_>) -> Result<Command> {
    let Scene { listen, admin, backend, certificates, .. } = scene;
    let listen = if scene.case.tls {
        format!(
            "listen {listen} ssl backlog=4096; ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.3;",
            certificates.certificate.display(),
            certificates.key.display(),
        )
    } else {
        format!("listen {listen} backlog=4096;")
    };
    let location = match scene.case.work {
        Work::Proxy => "proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection \"\";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_max_temp_file_size 0; proxy_buffer_size 16k; proxy_buffers 16 32k; proxy_busy_buffers_size 128k;"
            .to_owned(),
        Work::File => format!("root {};", scene.files.display()),
    };
    let log = scene.path("access.log");
    let configuration = scene.write(
        "nginx.conf",
        &format!(
            "user root; worker_processes 1; daemon off; pid nginx.pid; error_log stderr warn; worker_rlimit_nofile 20000;
events {{ worker_connections 16384; }}
http {{
  access_log {log} combined buffer=64k flush=1s;
  sendfile off; tcp_nodelay on; keepalive_timeout 120s; keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
  client_body_temp_path body; proxy_temp_path proxied; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  default_type application/octet-stream;
  upstream backend {{ server {backend}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen {admin}; location / {{ stub_status; access_log off; }} }}
  server {{
    {listen}
    server_name localhost;
    location / {{
      {location}
    }}
  }}
}}
"
        ),
    )?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&scene.folder).arg("-c").arg(configuration);
    Ok(command)
}

pub(super) fn version(_: &Setup) -> Result<String> {
    // It says so on the other stream.
    let output = Command::new("nginx").arg("-V").output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default().trim_start_matches("nginx version: ").to_owned();
    let library = lines.find(|line| line.starts_with("built with")).unwrap_or_default();
    Ok(format!("{version}, {library} (Debian)"))
}
