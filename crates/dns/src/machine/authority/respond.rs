//! What to say about a name: RFC 1034 §4.3.2, with wildcards (RFC 4592), DNAME (RFC 6672), denial
//! (RFC 2308), delegations with glue, and the DNSSEC records that go with each (RFC 4035 §3.1).

use std::net::IpAddr;

use crate::error::WireError;
use crate::limits::ALIAS_CHAIN_MAX;
use crate::wire::edns::{ClientSubnet, ExtendedError};
use crate::wire::rdata::target;
use crate::wire::{Class, Composer, Name, NameRef, Rcode, RecordData, RecordType, Section};
use crate::zone::{Found, NodeView, RrsetView, Zone};

use super::{AliasAnswer, AliasQuery, Asker, Choice, Request, Selection, Served, Settings};

/// Composes one answer.
#[derive(Debug)]
pub(super) struct Responder<'b, 's> {
    pub(super) composer: Composer<'b>,
    pub(super) settings: &'s Settings,
    /// The client wants DNSSEC records.
    pub(super) with_dnssec: bool,
    /// The client understands that a compact denial may come with NXDOMAIN (RFC 9824 §5.1).
    pub(super) compact_ok: bool,
    pub(super) subnet: Option<ClientSubnet>,
    /// Something did not fit.
    pub(super) truncated: bool,
    /// Differs from query to query; for rotating.
    pub(super) ticket: u16,
    /// Wildcards that were answered from and are still to be proven right: the name and the depth of the
    /// closest encloser. The proofs belong behind the last answer.
    pub(super) unproven: Vec<(Name, usize)>,
}

/// What was composed.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) rcode: Rcode,
    pub(super) authoritative: bool,
    pub(super) kind: Kind,
    pub(super) error: Option<ExtendedError>,
    /// How much of the client's address mattered.
    pub(super) scope_prefix: u8,
    /// Nothing was composed; this has to be resolved first.
    pub(super) alias: Option<AliasQuery>,
}

/// What makes answers equal for the rate limit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) enum Kind {
    #[default]
    Data,
    /// All wildcards, denials and referrals of a zone count as one: names can be made up without end.
    Wildcard,
    NoData,
    NoName,
    Referral,
    Error,
}

impl Answer {
    /// What an answer from a zone is unless something else is the case.
    const fn data() -> Self {
        Self { rcode: Rcode::NOERROR, authoritative: true, kind: Kind::Data, error: None, scope_prefix: 0, alias: None }
    }

    /// A number that is the same for equal answers.
    pub(super) fn kind_hash(&self, name: NameRef<'_>, record_type: RecordType) -> u64 {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let seed = mix(0xcbf2_9ce4_8422_2325, self.kind as u8);
        match self.kind {
            Kind::Data | Kind::NoData => {
                let name = name.wire().iter().map(u8::to_ascii_lowercase).fold(seed, mix);
                record_type.0.to_be_bytes().into_iter().fold(name, mix)
            }
            Kind::Error => seed,
            Kind::Wildcard | Kind::NoName | Kind::Referral => {
                let zone = name.last_labels(2).wire();
                zone.iter().map(u8::to_ascii_lowercase).fold(seed, mix)
            }
        }
    }
}

/// What is known while a name is followed.
pub(super) struct Step<'z, 'q> {
    pub(super) served: &'z Served,
    pub(super) zone: &'z Zone,
    pub(super) name: NameRef<'q>,
    pub(super) record_type: RecordType,
    pub(super) request: &'q Request<'q>,
    pub(super) alias: Option<&'q AliasAnswer>,
    pub(super) chain: usize,
}

impl Responder<'_, '_> {
    /// Answers from one zone. Of an answer section that does not fit, whole RRsets stay away and TC is set.
    pub(super) fn answer(
        &mut self,
        served: &Served,
        name: NameRef<'_>,
        record_type: RecordType,
        alias: Option<&AliasAnswer>,
        request: &Request<'_>,
    ) -> Result<Answer, WireError> {
        let step = Step { served, zone: &served.zone, name, record_type, request, alias, chain: 0 };
        let followed = self.follow(&step).and_then(|answer| {
            self.prove_wildcards(&step)?;
            Ok(answer)
        });
        match followed {
            Err(WireError::NoRoom) if self.truncated => {
                Ok(Answer { rcode: Rcode::NOERROR, authoritative: true, kind: Kind::Data, ..Answer::default() })
            }
            other => other,
        }
    }

    fn follow(&mut self, step: &Step<'_, '_>) -> Result<Answer, WireError> {
        let parent_side = step.record_type == RecordType::DS;
        // A chain that leaves the zone ends here: its other end is for the resolver to ask, whichever server
        // has it, and what we would add from another zone would not be believed (RFC 2181 §5.4.1).
        let Some(path) = step.zone.find(step.name, parent_side) else { return Ok(Answer::data()) };
        match path.found {
            Found::Exact(node) => self.at_node(step, node, None),
            Found::Wildcard(node) => self.at_node(step, node, Some(path.depth)),
            Found::Delegation(node) => self.referral(step, node, path.depth),
            Found::Redirection(node) => self.redirection(step, node, path.depth),
            Found::Missing => self.no_name(step, path.depth),
        }
    }

    /// The name exists, or a wildcard stands for it (then `encloser` is the depth of the wildcard's parent).
    fn at_node(
        &mut self,
        step: &Step<'_, '_>,
        node: NodeView<'_>,
        encloser: Option<usize>,
    ) -> Result<Answer, WireError> {
        if node.is_alias()
            && let Some(cname) = node.rrset(RecordType::CNAME).filter(|_| follows_cname(step.record_type))
        {
            self.answer_set(step, cname, encloser)?;
            let to = cname.records().next().and_then(|data| target(RecordType::CNAME, data));
            return match to {
                Some(to) => self.follow_to(step, to),
                None => Ok(Answer::data()),
            };
        }
        if matches!(step.record_type, RecordType::A | RecordType::AAAA) {
            if node.is_balanced()
                && let Some(answer) = self.selected(step, node)?
            {
                return Ok(answer);
            }
            if node.is_alias()
                && let Some(alias) = node.rrset(RecordType::ALIAS)
            {
                return self.alias(step, node, alias);
            }
        }
        let found = match step.record_type {
            RecordType::ANY => representative(node),
            RecordType::RRSIG => representative(node).filter(|set| set.signatures().next().is_some()),
            internal if internal.is_internal() => None,
            record_type => node.rrset(record_type),
        };
        match found {
            Some(set) if step.record_type == RecordType::RRSIG => self.signatures_only(step, set),
            Some(set) => {
                self.answer_set(step, set, encloser)?;
                self.prove_wildcards(step)?;
                if !self.settings.minimal {
                    self.apex_servers(step, set)?;
                }
                self.add_addresses(step, set);
                let kind = if encloser.is_some() { Kind::Wildcard } else { Kind::Data };
                Ok(Answer { kind, ..Answer::data() })
            }
            None => self.no_data(step, node, encloser),
        }
    }

    fn follow_to(&mut self, step: &Step<'_, '_>, to: NameRef<'_>) -> Result<Answer, WireError> {
        let chain = step.chain + 1;
        if chain > ALIAS_CHAIN_MAX {
            // A loop, or as good as one: what there is of it is the answer.
            return Ok(Answer::data());
        }
        self.follow(&Step { name: to, chain, ..step.again() })
    }

    /// RFC 6672 §3.2: the DNAME, a CNAME made from it, and on with the new name.
    fn redirection(&mut self, step: &Step<'_, '_>, node: NodeView<'_>, depth: usize) -> Result<Answer, WireError> {
        let Some(dname) = node.rrset(RecordType::DNAME) else { return Ok(Answer::data()) };
        let owner = step.name.last_labels(step.zone.apex().label_count() + depth);
        self.set(Section::Answer, owner, dname, dname.ttl()).map_err(|error| self.cut_short(error))?;
        let to = dname.records().next().and_then(|data| target(RecordType::DNAME, data));
        match to.and_then(|to| step.name.substitute(owner, to)) {
            Some(Ok(to)) => {
                let cname = RecordData::name(RecordType::CNAME, &to);
                let head = (RecordType::CNAME, Class::IN, dname.ttl());
                let written = self.composer.record(Section::Answer, step.name, head, cname.wire());
                written.map_err(|error| self.cut_short(error))?;
                self.follow_to(step, to.borrowed())
            }
            // RFC 6672 §2.2: the result would be too long.
            _ => Ok(Answer { rcode: Rcode::YXDOMAIN, ..Answer::data() }),
        }
    }

    /// RFC 1034 §4.3.2 step 3b: the servers of the child, their addresses, and whether the child is signed.
    fn referral(&mut self, step: &Step<'_, '_>, cut: NodeView<'_>, depth: usize) -> Result<Answer, WireError> {
        let owner = step.name.last_labels(step.zone.apex().label_count() + depth);
        let answer = Answer { authoritative: step.chain > 0, kind: Kind::Referral, ..Answer::data() };
        let Some(servers) = cut.rrset(RecordType::NS) else { return Ok(answer) };
        self.prove_wildcards(step)?;
        // NS at a cut are not the parent's to sign (RFC 4035 §2.2).
        self.records(Section::Authority, owner, servers, servers.ttl()).map_err(|error| self.cut_short(error))?;
        if self.with_dnssec {
            let proof = match cut.rrset(RecordType::DS) {
                Some(ds) => self.set(Section::Authority, owner, ds, ds.ttl()),
                None => self.prove_no_ds(step, cut, owner),
            };
            proof.map_err(|error| self.cut_short(error))?;
        }
        self.glue(step, servers, owner);
        Ok(answer)
    }

    /// The name exists, the type does not (RFC 2308 §2.2).
    fn no_data(
        &mut self,
        step: &Step<'_, '_>,
        node: NodeView<'_>,
        encloser: Option<usize>,
    ) -> Result<Answer, WireError> {
        self.negative(step, |responder| responder.prove_no_data(step, node, encloser))?;
        Ok(Answer { kind: Kind::NoData, ..Answer::data() })
    }

    /// The name does not exist (RFC 2308 §2.1).
    fn no_name(&mut self, step: &Step<'_, '_>, encloser: usize) -> Result<Answer, WireError> {
        self.negative(step, |responder| responder.prove_no_name(step, encloser))?;
        // RFC 9824 §3: a compact denial says NOERROR, unless the client knows better.
        let compact = self.with_dnssec && step.denies_compactly() && !self.compact_ok;
        let rcode = if compact { Rcode::NOERROR } else { Rcode::NXDOMAIN };
        Ok(Answer { rcode, kind: Kind::NoName, ..Answer::data() })
    }

    fn negative(
        &mut self,
        step: &Step<'_, '_>,
        prove: impl FnOnce(&mut Self) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        self.prove_wildcards(step)?;
        // RFC 2308 §3: the SOA's TTL is the lesser of its own and its minimum.
        let soa = self.set(Section::Authority, step.zone.apex().borrowed(), step.zone.soa(), step.zone.negative_ttl());
        soa.map_err(|error| self.cut_short(error))?;
        if self.with_dnssec {
            prove(self).map_err(|error| self.cut_short(error))?;
        }
        Ok(())
    }

    /// Puts a set into the answer section, with the proof that a wildcard was the right one (RFC 4035 §3.1.3.3).
    fn answer_set(
        &mut self,
        step: &Step<'_, '_>,
        set: RrsetView<'_>,
        encloser: Option<usize>,
    ) -> Result<(), WireError> {
        let online = encloser.is_some() && self.with_dnssec && step.denies_compactly();
        let written = if online {
            let records: Vec<&[u8]> = set.records().collect();
            self.signed_online(step, set.record_type(), set.ttl(), &records)
        } else {
            self.set(Section::Answer, step.name, set, set.ttl())
        };
        written.map_err(|error| self.cut_short(error))?;
        match encloser {
            Some(depth) if self.with_dnssec && !online => self.unproven.push((step.name.to_name(), depth)),
            _ => {}
        }
        Ok(())
    }

    /// Proves the wildcards that were answered from; before anything else in the authority section.
    fn prove_wildcards(&mut self, step: &Step<'_, '_>) -> Result<(), WireError> {
        for (name, depth) in std::mem::take(&mut self.unproven) {
            let inner = Step { name: name.borrowed(), ..step.again() };
            self.prove_wildcard(&inner, depth).map_err(|error| self.cut_short(error))?;
        }
        Ok(())
    }

    /// The zone's servers in the authority section, which an answer may have and nobody needs.
    fn apex_servers(&mut self, step: &Step<'_, '_>, set: RrsetView<'_>) -> Result<(), WireError> {
        let apex = step.zone.apex().borrowed();
        if set.record_type() == RecordType::NS && step.name == apex {
            return Ok(());
        }
        let Some(servers) = step.zone.apex_node().rrset(RecordType::NS) else { return Ok(()) };
        // Optional, so that there is no truncation for it.
        if self.set(Section::Authority, apex, servers, servers.ttl()).is_ok() {
            self.add_addresses(step, servers);
        }
        Ok(())
    }

    /// Addresses of the balancing machine.
    fn selected(&mut self, step: &Step<'_, '_>, node: NodeView<'_>) -> Result<Option<Answer>, WireError> {
        let Some(selector) = &step.served.selector else { return Ok(None) };
        let asker = self.asker(step.request);
        let Selection { addresses, ttl, scope_prefix } = match selector.select(step.name, step.record_type, &asker) {
            Choice::NotMine => return Ok(None),
            Choice::NotReady => {
                let error = Some(ExtendedError::NOT_READY);
                let refused =
                    Answer { rcode: Rcode::SERVFAIL, authoritative: false, kind: Kind::Error, error, ..Answer::data() };
                return Ok(Some(refused));
            }
            Choice::Addresses(selection) => selection,
        };
        if addresses.is_empty() {
            self.negative(step, |responder| responder.prove_no_address(step, node))?;
            return Ok(Some(Answer { kind: Kind::NoData, scope_prefix, ..Answer::data() }));
        }
        self.addresses(step, &addresses, ttl)?;
        Ok(Some(Answer { scope_prefix, ..Answer::data() }))
    }

    fn asker(&self, request: &Request<'_>) -> Asker {
        let (address, prefix) = match (self.subnet, request.source) {
            // RFC 7871 §7.1.2: /0 asks not to be told apart.
            (Some(subnet), _) => (subnet.address, subnet.source_prefix),
            (None, source @ IpAddr::V4(_)) => (source, 32),
            (None, source @ IpAddr::V6(_)) => (source, 128),
        };
        let ticket = request.now.as_nanos() ^ u64::from(self.ticket) << 32;
        Asker { address, prefix, now: request.now, ticket }
    }

    /// The addresses of an ALIAS's target, as the zone's own; or that they must be resolved first.
    fn alias(&mut self, step: &Step<'_, '_>, node: NodeView<'_>, alias: RrsetView<'_>) -> Result<Answer, WireError> {
        let Some(resolved) = step.alias else {
            let to = alias.records().next().and_then(|data| target(RecordType::ALIAS, data));
            let target = to.unwrap_or(NameRef::ROOT).to_name();
            let query = AliasQuery { target, record_type: step.record_type, subnet: self.subnet };
            return Ok(Answer { alias: Some(query), ..Answer::data() });
        };
        if resolved.failed {
            return Ok(Answer { rcode: Rcode::SERVFAIL, authoritative: false, kind: Kind::Error, ..Answer::data() });
        }
        if resolved.addresses.is_empty() {
            self.negative(step, |responder| responder.prove_no_address(step, node))?;
            return Ok(Answer { kind: Kind::NoData, ..Answer::data() });
        }
        self.addresses(step, &resolved.addresses, resolved.ttl.min(alias.ttl()))?;
        Ok(Answer::data())
    }

    /// Addresses that stand in no zone, signed on the spot when the zone is signed.
    fn addresses(&mut self, step: &Step<'_, '_>, addresses: &[RecordData], ttl: u32) -> Result<(), WireError> {
        let records: Vec<&[u8]> =
            addresses.iter().filter(|data| data.record_type() == step.record_type).map(RecordData::wire).collect();
        let written = if self.with_dnssec {
            self.signed_online(step, step.record_type, ttl, &records)
        } else {
            let head = (step.record_type, Class::IN, ttl);
            self.composer.whole(|composer| {
                records.iter().try_for_each(|data| composer.record(Section::Answer, step.name, head, data))
            })
        };
        written.map_err(|error| self.cut_short(error))
    }

    /// The signatures of one set alone: who asks for RRSIG gets a taste, as with ANY.
    fn signatures_only(&mut self, step: &Step<'_, '_>, set: RrsetView<'_>) -> Result<Answer, WireError> {
        let head = (RecordType::RRSIG, Class::IN, set.ttl());
        let written = self.composer.whole(|composer| {
            let mut signatures = set.signatures();
            signatures.try_for_each(|data| composer.record(Section::Answer, step.name, head, data))
        });
        written.map_err(|error| self.cut_short(error))?;
        Ok(Answer::data())
    }

    /// Writes a set whole or not at all, with its signatures when they are wanted.
    pub(super) fn set(
        &mut self,
        section: Section,
        owner: NameRef<'_>,
        set: RrsetView<'_>,
        ttl: u32,
    ) -> Result<(), WireError> {
        let with_dnssec = self.with_dnssec;
        let mark = self.composer.mark();
        self.records(section, owner, set, ttl)?;
        if with_dnssec {
            let head = (RecordType::RRSIG, Class::IN, ttl);
            for data in set.signatures() {
                let written = self.composer.record(section, owner, head, data);
                written.inspect_err(|_| self.composer.rollback(mark))?;
            }
        }
        Ok(())
    }

    /// Writes a set without signatures, whole or not at all, beginning anywhere when answers rotate.
    pub(super) fn records(
        &mut self,
        section: Section,
        owner: NameRef<'_>,
        set: RrsetView<'_>,
        ttl: u32,
    ) -> Result<(), WireError> {
        let head = (set.record_type(), Class::IN, ttl);
        let first = if self.settings.rotate && set.len() > 1 { usize::from(self.ticket) % set.len() } else { 0 };
        self.composer.whole(|composer| {
            let (before, after) = (set.records().take(first), set.records().skip(first));
            after.chain(before).try_for_each(|data| composer.record(section, owner, head, data))
        })
    }

    /// Notes that something needed did not fit: TC (RFC 2181 §9).
    pub(super) const fn cut_short(&mut self, error: WireError) -> WireError {
        if matches!(error, WireError::NoRoom) {
            self.truncated = true;
        }
        error
    }
}

impl<'z, 'q> Step<'z, 'q> {
    /// The same step, to be changed.
    pub(super) const fn again(&self) -> Self {
        let Self { served, zone, name, record_type, request, alias, chain } = *self;
        Self { served, zone, name, record_type, request, alias, chain }
    }

    pub(super) fn denies_compactly(&self) -> bool {
        self.served.signer.as_ref().is_some_and(|signer| signer.denies_compactly())
    }
}

/// Types that are asked of the alias itself: CNAME, and what stands beside it (RFC 4035 §2.5).
const fn follows_cname(record_type: RecordType) -> bool {
    !matches!(
        record_type,
        RecordType::CNAME | RecordType::ANY | RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3
    )
}

/// RFC 8482 §4.1: who asks for ANY gets one set, the first that is not DNSSEC's own.
fn representative(node: NodeView<'_>) -> Option<RrsetView<'_>> {
    let shown = |set: &RrsetView<'_>| !set.record_type().is_internal();
    let plain = |set: &RrsetView<'_>| !matches!(set.record_type(), RecordType::NSEC | RecordType::NSEC3PARAM);
    node.rrsets().filter(shown).find(plain).or_else(|| node.rrsets().find(shown))
}
