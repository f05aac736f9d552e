//! Arguments → control. Exit codes: 0 ok, 1 configuration, 2 refused at run time.

use clap::{Arg, ArgMatches, Command};
use ringgate::base::{Address, Generation};
use ringgate::control::{Refused, check, demo, load, run};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = command().get_matches();
    let done = match matches.subcommand() {
        Some(("run", given)) => on_control(start(&file(given))),
        Some(("check", given)) => return report(&file(given)),
        Some(("demo", given)) => on_control(demonstrate(given)),
        Some(("schema", _)) => {
            print!("{}", ringgate::config::schema());
            Ok(())
        }
        _ => unreachable!("clap asks for one of the commands"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => {
            eprint!("{refused}");
            ExitCode::from(match refused {
                Refused::Configuration(_) => 1,
                Refused::Runtime(_) => 2,
            })
        }
    }
}

fn command() -> Command {
    let file = Arg::new("file").value_name("FILE").default_value("ringgate.yaml");
    Command::new("ringgate")
        .version(env!("CARGO_PKG_VERSION"))
        .about("An API gateway with one pinned io_uring shard a CPU")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("run").about("Run the gateway").arg(file.clone().short('f').long("file")))
        .subcommand(
            Command::new("check").about("Check a configuration and print every problem").arg(file.index(1)),
        )
        .subcommand(
            Command::new("demo")
                .about("Run the gateway before three small origins of its own")
                .arg(Arg::new("bind").long("bind").value_name("ADDRESS").default_value("127.0.0.1:8080")),
        )
        .subcommand(Command::new("schema").about("Print the JSON Schema of the configuration"))
}

fn file(given: &ArgMatches) -> PathBuf {
    given.get_one::<String>("file").map_or_else(|| PathBuf::from("ringgate.yaml"), PathBuf::from)
}

fn on_control(work: impl Future<Output = Result<(), Refused>>) -> Result<(), Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Refused::Runtime(format!("no control thread: {error}\n")))?.block_on(work)
}

async fn start(path: &Path) -> Result<(), Refused> {
    let config = load::read(path).map_err(Refused::Configuration)?;
    let (table, warnings) = load::compile(&config, Generation(1), None).map_err(Refused::Configuration)?;
    for warning in warnings {
        eprintln!("{warning}");
    }
    run(table, &config, |_| {}).await
}

fn report(path: &Path) -> ExitCode {
    let report = check::check(path);
    print!("{}", report.text(path));
    ExitCode::from(if report.counts.is_some() { 0 } else { 1 })
}

async fn demonstrate(given: &ArgMatches) -> Result<(), Refused> {
    let bind = given.get_one::<String>("bind").map_or("", String::as_str);
    let bind: SocketAddr = bind
        .parse()
        .map_err(|_| Refused::Runtime(format!("'{bind}' is not an address such as 127.0.0.1:8080\n")))?;
    let origins = demo::origins()
        .await
        .map_err(|error| Refused::Runtime(format!("no port for a demo origin: {error}\n")))?;
    let text = demo::configuration(&origins, bind);
    let config = load::parse("demo.yaml", text).map_err(Refused::Configuration)?;
    let (table, _) = load::compile(&config, Generation(1), None).map_err(Refused::Configuration)?;
    run(table, &config, |bound| {
        let addr = match bound.first() {
            Some((_, Address::Tcp(addr))) => *addr,
            _ => bind,
        };
        println!("Paste one of these lines into another terminal:\n\n{}", demo::lines(addr));
    })
    .await
}
