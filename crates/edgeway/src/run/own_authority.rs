//! Our own certificate authority as files in the state folder: made on first need, read ever after. Used by the server and by
//! `edgeway ca`.

use std::io;
use std::sync::Arc;

use edgeway_base::WallTime;
use edgeway_tls::authority::Authority;

use crate::state::State;

/// The root's certificate, PEM.
pub const ROOT: &str = "authority/root.pem";

/// Its private key, PEM, readable by its owner alone.
pub const KEY: &str = "authority/root.key";

/// The authority of this state folder, and whether it was made just now.
///
/// # Errors
/// A sentence for the operator: files that cannot be read or written, or that do not belong together.
pub fn open_or_create(state: &State, now: WallTime) -> Result<(Arc<Authority>, bool), String> {
    let unreadable =
        |error: io::Error| format!("the certificate authority in {} cannot be read: {error}", state.folder().display());
    let (root, key) = (state.read(ROOT).map_err(unreadable)?, state.read(KEY).map_err(unreadable)?);
    if let (Some(root), Some(key)) = (root, key) {
        let authority = Authority::from_pem(&root, &key).map_err(|error| {
            format!("the certificate authority in {} is damaged: {error}", state.folder().display())
        })?;
        return Ok((Arc::new(authority), false));
    }
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let authority =
        Authority::create(&machine, now).map_err(|error| format!("a certificate authority cannot be made: {error}"))?;
    let unwritable =
        |error: io::Error| format!("the state folder {} cannot be written: {error}", state.folder().display());
    state.make("authority").map_err(unwritable)?;
    // The key first: a certificate without its key would be taken for damage.
    state.write(KEY, authority.key_pem().as_bytes()).map_err(unwritable)?;
    state.write(ROOT, authority.root_pem().as_bytes()).map_err(unwritable)?;
    Ok((Arc::new(authority), true))
}
