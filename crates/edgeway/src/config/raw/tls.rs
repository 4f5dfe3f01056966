//! `[tls]`: where certificates come from and who may connect.

use crate::config::read::Located;
use crate::config::read::table::table;
use crate::config::read::word::words;
use crate::config::words::{FilePath, Location};

table! {
    /// Certificates and versions of TLS. A site can say otherwise in its own `tls`.
    "[tls]" Tls {
        /// Who signs the certificates of sites that bring none: `"internal"` is Edgeway's own certificate authority
        /// (see `edgeway ca export`), `"acme"` a public one such as Let's Encrypt, `"files"` nobody: every site must
        /// name its `cert` and `key`.
        issuer: Issuer = "internal",
        /// The oldest version of TLS that is spoken.
        min_version: TlsVersion = "1.2",
        /// Who may connect, by client certificate (mutual TLS).
        client_certificates: Option<Located<ClientCertificates>>,
        /// The public certificate authority of `issuer = "acme"`.
        acme: Option<Located<Acme>>,
    }
}

words! {
    /// Who signs certificates.
    Issuer, "\"internal\", \"acme\" or \"files\"" {
        /// Edgeway's own certificate authority.
        Internal = "internal",
        /// A certificate authority that speaks ACME.
        Acme = "acme",
        /// Nobody: each site names its files.
        Files = "files",
    }
}

words! {
    /// A version of TLS.
    TlsVersion, "\"1.2\" or \"1.3\"" {
        /// RFC 5246.
        Tls12 = "1.2",
        /// RFC 8446.
        Tls13 = "1.3",
    }
}

table! {
    /// Clients that show a certificate (mutual TLS).
    "client_certificates" ClientCertificates {
        /// The certificate authorities that may have signed it: one or more PEM files.
        ca: Vec<Located<FilePath>>,
        /// `"require"` turns away clients without a certificate; `"request"` lets them in, unnamed.
        mode: ClientRule = "require",
    }
}

words! {
    /// What happens to a client without a certificate.
    ClientRule, "\"require\" or \"request\"" {
        /// It is turned away.
        Require = "require",
        /// It is let in, unnamed.
        Request = "request",
    }
}

table! {
    /// A certificate authority that issues by ACME (RFC 8555).
    "[tls.acme]" Acme {
        /// Its directory.
        directory: Located<Location> = "https://acme-v02.api.letsencrypt.org/directory",
        /// Where it may write to you, as `mailto:you@example.com`.
        contact: Vec<Located<String>>,
        /// Agrees to its terms of service, which most of them ask for.
        agree: bool = "false",
        /// Who decides about names that no site lists, such as those under `*.example.com`: a URL that is asked
        /// `GET URL?name=shop.example.com` and answers 200 for yes. Without it, certificates are fetched only for
        /// names that stand in this file: otherwise strangers could have them issued without end.
        ask: Option<Located<Location>>,
        /// A PEM file with the root that the directory itself is trusted by, when it is not a public one.
        ca: Option<Located<FilePath>>,
    }
}
