//! The required cases of JSON-Schema-Test-Suite for draft 2020-12, each through the policy: the schema and all remotes
//! are files of a configuration, the instance is the body of a request. None is left out.

use super::*;
use serde_json::Value;

const SUITE: &str = include_str!("../../../../tests/data/json-schema-2020-12.json");

/// Cases that this gateway reads differently, by file, group and case, with the reason.
const EXCLUDED: &[(&str, &str, &str, &str)] = &[];

/// The number of cases in the data, so that none is lost unseen.
const CASES: usize = 1299;

const HEAD: &[u8] =
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n";

/// The policy of a configuration with `schema` and all `remotes`.
fn policy(schema: &Value, remotes: &serde_json::Map<String, Value>) -> Result<Validate, String> {
    let mut text =
        "policies:\n  suite:\n    validate:\n      body: { schema: schema.json }\n      schemas:\n"
            .to_owned();
    let mut memory = Memory::default().file("schema.json", schema.to_string());
    for (index, (uri, remote)) in remotes.iter().enumerate() {
        text.push_str(&format!("        \"{uri}\": remote-{index}.json\n"));
        memory = memory.file(&format!("remote-{index}.json"), remote.to_string());
    }
    let config = memory.file("x.yaml", text).read("x.yaml").map_err(|problems| problems.to_string())?;
    let given = config.policies.0[0].1.validate.as_ref().ok_or("no such policy")?;
    let mut faults = Faults::default();
    Validate::compile(given, &Pointer::default(), &mut faults).ok_or_else(|| format!("{faults:?}"))
}

fn passes(policy: &Validate, head: Head<'_>, body: &[u8], scratch: &mut Scratch) -> bool {
    let asked = Asked { head, length: Length::Exact(body.len() as u64), segment: |_: &str| None };
    match policy.head(&asked, scratch) {
        Ok(Next::Body(most)) => {
            assert!(body.len() as u64 <= most);
            policy.body(head, Some(body), scratch).is_ok()
        }
        other => panic!("the body is asked for, not {other:?}"),
    }
}

#[test]
fn every_required_case_of_the_suite_is_decided_as_it_says() {
    let suite: Value = serde_json::from_str(SUITE).expect("is JSON");
    let remotes = suite["remotes"].as_object().expect("are by URI");
    let mut lines = Lines::new();
    request::parse(HEAD, &mut lines, &HeadLimits::default()).expect("is a head");
    let head = Head::new(HEAD, &lines);
    let (mut scratch, mut count, mut wrong) = (Scratch::default(), 0, Vec::new());
    for (file, groups) in suite["tests"].as_object().expect("are by file") {
        for group in groups.as_array().expect("are groups") {
            let name = group["description"].as_str().unwrap_or_default();
            let cases = group["tests"].as_array().expect("are cases");
            let policy = match policy(&group["schema"], remotes) {
                Ok(policy) => policy,
                Err(problems) => {
                    wrong.push(format!("{file}: {name}: does not compile: {problems}"));
                    continue;
                }
            };
            for case in cases {
                count += 1;
                let what = case["description"].as_str().unwrap_or_default();
                if let Some((.., why)) =
                    EXCLUDED.iter().find(|(f, g, c, _)| (*f, *g, *c) == (file, name, what))
                {
                    println!("excluded: {file}: {name}: {what}: {why}");
                    continue;
                }
                let passed = passes(&policy, head, case["data"].to_string().as_bytes(), &mut scratch);
                if passed != (case["valid"] == true) {
                    wrong.push(format!("{file}: {name}: {what}: {:?}", scratch.violations.list()));
                }
            }
        }
    }
    println!("{count} cases, {} excluded", EXCLUDED.len());
    assert!(wrong.is_empty(), "{} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count, CASES);
}
