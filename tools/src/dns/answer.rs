//! From a query and a zone to the bytes of an answer (RFC 1035 §4.1): records, aliases followed within the zone, "no such
//! name" with a SOA record (RFC 2308), and a truncated answer where all of it does not fit (RFC 2181 §9).

use super::{Data, Zone, key};
use hickory_proto::op::{Edns, Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// Aliases followed in one answer.
const ALIASES_MAX: usize = 8;

/// The answer to `query`, of `room` bytes at most.
pub fn answer(query: &Message, zone: &Zone, room: usize) -> Option<Vec<u8>> {
    let question = query.queries.first()?;
    let mut answer = begun(query);
    let mut name = question.name().clone();
    let mut exists = false;
    for _ in 0..ALIASES_MAX {
        let Some((ttl, records)) = zone.get(&key(&name.to_ascii())) else { break };
        exists = true;
        let data: Vec<RData> = records.iter().filter_map(rdata).collect();
        let fit = |data: &&RData| data.record_type() == question.query_type();
        answer.add_answers(
            data.iter().filter(fit).map(|data| Record::from_rdata(name.clone(), *ttl, data.clone())),
        );
        let Some(RData::CNAME(alias)) = data.iter().find(|data| data.record_type() == RecordType::CNAME)
        else {
            break;
        };
        answer.add_answer(Record::from_rdata(name.clone(), *ttl, RData::CNAME(alias.clone())));
        name = alias.0.clone();
    }
    if answer.answers.is_empty() {
        let of = Name::root();
        let soa = SOA::new(of.clone(), of.clone(), 1, 1, 1, 1, 1);
        answer.add_authority(Record::from_rdata(of, 1, RData::SOA(soa)));
        answer.metadata.response_code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
    }
    let bytes = answer.to_vec().ok()?;
    if bytes.len() <= room { Some(bytes) } else { answer.truncate().to_vec().ok() }
}

/// SERVFAIL.
pub fn failure(query: &Message) -> Option<Vec<u8>> {
    let mut answer = begun(query);
    answer.metadata.response_code = ResponseCode::ServFail;
    answer.to_vec().ok()
}

fn begun(query: &Message) -> Message {
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.metadata.recursion_desired = query.metadata.recursion_desired;
    answer.metadata.authoritative = true;
    answer.add_queries(query.queries.iter().cloned());
    if query.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        answer.set_edns(edns);
    }
    answer
}

fn rdata(data: &Data) -> Option<RData> {
    let name = |name: &str| {
        let mut name = Name::from_ascii(name).ok()?;
        name.set_fqdn(true);
        Some(name)
    };
    Some(match data {
        Data::A(ip) => RData::A(A(*ip)),
        Data::Aaaa(ip) => RData::AAAA(AAAA(*ip)),
        Data::Srv(priority, weight, port, target) => {
            RData::SRV(SRV::new(*priority, *weight, *port, name(target)?))
        }
        Data::Cname(of) => RData::CNAME(CNAME(name(of)?)),
    })
}
