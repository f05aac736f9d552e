//! The policies of a route, asked in their order: what they change of the request, what they want outside, and what
//! they say of whatever reply it gets. A route without policies never comes here.

mod ask;
mod asking;
mod consult;
mod flight;

pub use asking::{AskKeys, Asking};

use super::context::{Context, RequestId};
use super::downstream::Replies;
use super::peer::Peer;
use super::peer::front::front;
use super::timed::of_policy;
use crate::base::{Certificate, Tick};
use crate::net::body::BodySource;
use crate::net::clock;
use crate::observe::Reason;
use crate::policy::{Ask, Cause, Chain, Facts, Mode, Refusal, Shard, State, Told, Verb, Verdict, Walk, cors};
use crate::route::front::Scheme;
use crate::route::{self, Match, Scratch};
use crate::table::Table;
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::{Form, Head};
use crate::wire::http1::framing::Length;
use std::net::IpAddr;

/// What is known of a request for its policies.
fn facts<'f>(ctx: &'f Context<'_>, head: Head<'f>, path: &'f [u8], id: &'f RequestId) -> Facts<'f> {
    let found = ctx.route.get().map(|route| Match { route, path: ctx.pattern.get() });
    asked_by(ctx, found).facts((head, path), id.bytes(), (ctx.began, ctx.wall_ms(), ctx.total()))
}

fn asked_by<'f>(ctx: &'f Context<'_>, found: Option<Match>) -> Asked<'f> {
    let certificate = ctx.certificate;
    let (client, length) = (ctx.client_ip.get(), ctx.length.get());
    Asked { table: ctx.table, peer: ctx.peer, certificate, client, length, found }
}

/// Where a request came in, and the route that was found for it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The table.
    pub table: &'a Table,
    /// Whose request it is.
    pub peer: Peer,
    /// The certificate that its connection showed.
    pub certificate: Option<&'a Certificate>,
    /// The client as trusted proxies tell it.
    pub client: Option<IpAddr>,
    /// How long its body is.
    pub length: Length,
    /// The route.
    pub found: Option<Match>,
}

impl<'a> Asked<'a> {
    /// The route that a preflight asks about: the one that takes the method it names, if a CORS policy of it answers. Any
    /// other is the business of the route that takes OPTIONS.
    pub fn preflight(
        self,
        (head, path): (Head<'a>, &'a [u8]),
        request_id: &'a [u8],
        moment: (Tick, u64, Tick),
        (scratch, shard): (&Scratch, &mut Shard),
    ) -> Option<Match> {
        let Asked { table, peer, .. } = self;
        if !table.policies.has_cors {
            return None;
        }
        let method = cors::preflight(head)?;
        let facts = route::Facts { method, ..route::Facts::of(head, path, peer.listener) };
        let found = table.lookup.lookup(&facts, scratch).ok()?;
        let chain = table.policies.chain(peer.listener, found.route)?;
        let facts = Asked { found: Some(found), ..self }.facts((head, path), request_id, moment);
        chain.answers(&facts, shard).then_some(found)
    }

    /// What its policies know of it. The moment is given by both clocks; behind it stands when the exchange must be over.
    pub fn facts(
        self,
        (head, path): (Head<'a>, &'a [u8]),
        request_id: &'a [u8],
        (now, unix_ms, by): (Tick, u64, Tick),
    ) -> Facts<'a> {
        let Asked { table, peer, certificate, client, length, found } = self;
        let route = found.map(|found| (table.route(found.route), usize::from(found.path)));
        let front = front(peer, head, &table.gateway);
        Facts {
            head,
            ours: &table.policies.identity,
            length,
            path,
            parameters: route.map_or(&[], |(route, pattern)| route.parameters(pattern)),
            client,
            peer: peer.addr,
            certificate,
            is_https: front.scheme == Scheme::Https,
            host: front.host,
            listener: &table.listeners[peer.listener.index()].name,
            route: route.map_or("", |(route, _)| &route.name),
            request_id,
            now,
            unix_ms,
            by,
        }
    }
}

/// Asks the policies from where `walk` stands; `edits` are the request's.
fn walk(
    ctx: &Context<'_>,
    chain: &Chain,
    (walk, told, body): (&mut Walk, Told, &[u8]),
    (head, path): (Head<'_>, &[u8]),
    edits: &mut Edits,
) -> Verdict {
    let id = *ctx.request_id.borrow();
    // Not when its first byte came: whoever holds heads back would spend of a time that is over.
    let (now, unix_ms) = (clock::now(), clock::unix_ms());
    let facts = Facts { now, unix_ms, ..facts(ctx, head, path, &id) };
    let mut passage = ctx.passage.borrow_mut();
    let passage = passage.get_or_insert_with(|| {
        let mut passage = ctx.lent.passages.take();
        passage.clear();
        passage
    });
    let mut shard = ctx.lent.policies.borrow_mut();
    let (verb, mode) = (Verb::Spend, Mode::Enforce);
    let registry = &ctx.table.policies.registry;
    let mut state = State { passage, shard: &mut shard, registry, request: edits, told, body, verb, mode };
    match ctx.timing {
        None => chain.walk(walk, &facts, &mut state),
        Some(_) => by_phase(ctx, chain, walk, &facts, &mut state),
    }
}

/// The same, phase by phase, each of which is timed.
#[cold]
fn by_phase(
    ctx: &Context<'_>,
    chain: &Chain,
    walk: &mut Walk,
    facts: &Facts<'_>,
    state: &mut State<'_>,
) -> Verdict {
    while let Some(phase) = chain.next(walk) {
        let verdict = chain.walk_through(phase, walk, facts, state);
        ctx.mark(of_policy(phase));
        if verdict != Verdict::Pass {
            return verdict;
        }
    }
    Verdict::Pass
}

/// What became of a request at its policies.
enum Planned {
    /// It goes on.
    Pass,
    /// It is answered here with this status, and nothing is wrong with it.
    Answer(u16),
    /// It is refused.
    Refuse(Reason),
    /// Something must be asked or waited for before [`resume`] goes on.
    Ask(Ask, Walk),
}

impl Planned {
    fn of(verdict: Verdict, walk: Walk) -> Planned {
        match verdict {
            Verdict::Pass | Verdict::Abstain => Planned::Pass,
            Verdict::Answer(status) => Planned::Answer(status),
            Verdict::Refuse(refusal) => Planned::Refuse(reason(refusal)),
            Verdict::Ask(ask) => Planned::Ask(ask, walk),
        }
    }
}

/// Has a request pass its policies. Gives the status of an answer that one of them makes, with which nothing is wrong.
///
/// # Errors
/// Why the request is refused.
pub async fn asked<B: BodySource, R: Replies>(
    ctx: &Context<'_>,
    chain: &Chain,
    request: (Head<'_>, &[u8]),
    edits: &mut Edits,
    (body, reply): (&mut B, &mut R),
) -> Result<Option<u16>, Reason> {
    match pass(ctx, chain, request, edits, body) {
        Planned::Pass => Ok(None),
        Planned::Answer(status) => Ok(Some(status)),
        Planned::Refuse(reason) => Err(reason),
        // Boxed: few requests come here, and each exchange would keep the room.
        Planned::Ask(ask, walk) => {
            Box::pin(resume(ctx, chain, (request, edits), (ask, walk), (body, reply))).await
        }
    }
}

/// Asks up to the first policy that needs something from outside. A body that is here already is not outside.
fn pass<B: BodySource>(
    ctx: &Context<'_>,
    chain: &Chain,
    request: (Head<'_>, &[u8]),
    edits: &mut Edits,
    body: &mut B,
) -> Planned {
    let mut at = Walk::default();
    let mut verdict = walk(ctx, chain, (&mut at, Told::Nothing, b""), request, edits);
    while let Verdict::Ask(Ask::Body(most)) = verdict
        && let Some(whole) = body.here()
    {
        let told = if whole.len() as u64 <= most { Told::Body } else { Told::BodyTooLong };
        verdict = walk(ctx, chain, (&mut at, told, whole), request, edits);
        if matches!(verdict, Verdict::Refuse(_)) {
            spend(body);
        }
    }
    Planned::of(verdict, at)
}

/// Takes a body that was read to its end and goes nowhere: the next request can be read behind it.
fn spend<B: BodySource>(body: &mut B) {
    if let Some(len) = body.here().map(<[u8]>::len) {
        body.consume(len);
    }
}

/// Goes on where a policy asked for something, until the end of the chain.
async fn resume<B: BodySource, R: Replies>(
    ctx: &Context<'_>,
    chain: &Chain,
    (request, edits): ((Head<'_>, &[u8]), &mut Edits),
    (mut ask, mut at): (Ask, Walk),
    (body, reply): (&mut B, &mut R),
) -> Result<Option<u16>, Reason> {
    loop {
        let told = match ask {
            Ask::Body(most) if may_be_endless(ctx) && chain.is_in_shadow(&at) => {
                let glimpsed = ask::glimpse(ctx, most, body).await;
                glimpsed.unwrap_or_else(|| chain.pass_over(&mut at))
            }
            _ => ask::perform(ctx, ask, body, reply).await?,
        };
        ctx.waited();
        let whole = if told == Told::Body { body.here().unwrap_or_default() } else { b"" };
        match Planned::of(walk(ctx, chain, (&mut at, told, whole), request, edits), at) {
            Planned::Pass => return Ok(None),
            Planned::Answer(status) => return Ok(Some(status)),
            Planned::Refuse(reason) => {
                spend(body);
                return Err(reason);
            }
            Planned::Ask(next, walk) => (ask, at) = (next, walk),
        }
    }
}

/// Whether the body may have no end before there is a reply, as that of a call that goes both ways.
fn may_be_endless(ctx: &Context<'_>) -> bool {
    !matches!(ctx.length.get(), Length::Exact(_))
}

/// The status by which a refusal sends the client elsewhere, if it does.
pub fn redirect(ctx: &Context<'_>) -> Option<u16> {
    ctx.passage.borrow().as_ref().and_then(|passage| passage.redirect)
}

/// The log's reason for a refusal.
pub fn reason(Refusal { cause, detail }: Refusal) -> Reason {
    match cause {
        Cause::Unauthenticated => Reason::Unauthenticated(detail),
        Cause::Forbidden => Reason::Forbidden(detail),
        Cause::Address => Reason::AddressDenied,
        Cause::Origin => Reason::CorsDenied(detail),
        Cause::Limited => Reason::RateLimited(detail),
        Cause::Invalid => Reason::Invalid(detail),
        Cause::MediaType => Reason::MediaType(detail),
        Cause::TooLarge => Reason::PolicyBodyTooLarge,
        Cause::Undecided => Reason::PolicyUndecided(detail),
    }
}

/// Fills in what the policies change of a reply: of an upstream's, or with `None` of one of our own. `path` is the
/// canonical one.
pub fn dress(
    ctx: &Context<'_>,
    chain: &Chain,
    (head, path): (Head<'_>, &[u8]),
    reply: Option<Head<'_>>,
    edits: &mut Edits,
) {
    if let Some(passage) = &mut *ctx.passage.borrow_mut() {
        let id = *ctx.request_id.borrow();
        chain.dress(&facts(ctx, head, path, &id), passage, reply, edits);
    }
}

/// The same for the reply of an upstream.
///
/// # Errors
/// When its body must not leave: an answer of our own takes its place.
pub fn on_reply(
    ctx: &Context<'_>,
    chain: &Chain,
    request: (Head<'_>, &[u8]),
    reply: Head<'_>,
    edits: &mut Edits,
) -> Result<(), Reason> {
    if reply.status() >= 500
        && let Some(passage) = &mut *ctx.passage.borrow_mut()
        && chain.replaces_errors(passage)
    {
        // When to come again is for the origin to say, and it is the one field that clients go by.
        if let Some(later) = reply.field(Field::RETRY_AFTER)
            && !chain.takes_of_reply(passage, Field::RETRY_AFTER.name().as_bytes())
        {
            passage.refusal.set(Field::RETRY_AFTER, later);
        }
        return Err(Reason::UpstreamError(reply.status()));
    }
    dress(ctx, chain, request, Some(reply), edits);
    Ok(())
}

/// Fills in what the policies remove of an upstream's interim reply.
pub fn on_interim(ctx: &Context<'_>, reply: Head<'_>, edits: &mut Edits) {
    if let Some((chain, passage)) = ctx.chain().zip(ctx.passage.borrow().as_ref()) {
        chain.strip(passage, reply, edits);
    }
}

/// The route that an exchange's preflight asks about; none of any other request.
#[inline(never)]
pub fn preflight(ctx: &Context<'_>, head: Head<'_>, path: &[u8]) -> Option<Match> {
    cors::preflight(head)?;
    let id = *ctx.request_id.borrow();
    let mut shard = ctx.lent.policies.borrow_mut();
    let moment = (ctx.began, ctx.wall_ms(), ctx.total());
    asked_by(ctx, None).preflight((head, path), id.bytes(), moment, (&ctx.lent.routing, &mut shard))
}

/// Fills in what the policies change of an answer of our own, and what those that refused tell with it: `edits` get the
/// fields, `detail` the body's detail. `space` is working memory.
pub fn dress_answer(
    ctx: &Context<'_>,
    edits: &mut Edits,
    space: &mut Vec<u8>,
    (detail, errors): (&mut Vec<u8>, &mut Vec<u8>),
) {
    let (Some(chain), Some(head)) = (ctx.chain(), ctx.head) else { return };
    let path = match head.form() {
        Form::Asterisk => head.path(),
        _ => ctx.canonical(head, space).unwrap_or_default(),
    };
    if ctx.passage.borrow().is_none() {
        // No route was found, or the request was refused before its policies were asked: those that dress a miss say
        // who may read the answer, and what else they say of the request does not matter.
        let Some(chain) = ctx.table.policies.miss(ctx.peer.listener) else { return };
        let asked = (&mut Walk::default(), Told::Nothing, &b""[..]);
        walk(ctx, chain, asked, (head, path), &mut Edits::new());
        return dress(ctx, chain, (head, path), None, edits);
    }
    if let Some(passage) = &mut *ctx.passage.borrow_mut() {
        edits.absorb(&passage.refusal);
        detail.extend_from_slice(&passage.detail);
        errors.extend_from_slice(&passage.errors);
        let id = *ctx.request_id.borrow();
        let mut shard = ctx.lent.policies.borrow_mut();
        chain.reach(&facts(ctx, head, path, &id), passage, &mut shard.evaluator);
    }
    dress(ctx, chain, (head, path), None, edits);
}
