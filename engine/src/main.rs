//! Arguments → control. Exit codes: 0 ok, 1 configuration, 2 refused at run time.

use clap::{Arg, ArgAction, ArgMatches, Command};
use ringgate::base::{Address, Generation};
use ringgate::config::schema;
use ringgate::control::{
    Refused, Start, check, client, demo, diagnostics, explain, load, reference, run, token,
};
use ringgate::mem::give_back_soon;
use ringgate::table::Table;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    give_back_soon();
    let matches = command().get_matches();
    let done = match matches.subcommand() {
        Some(("run", given)) => on_control(start(&file(given))),
        Some(("check", given)) => match report(&file(given)) {
            Ok(code) => return code,
            Err(refused) => Err(refused),
        },
        Some(("explain", given)) => on_control(tell(given)),
        Some(("demo", given)) => on_control(demonstrate(given)),
        Some(("reload", given)) => {
            client::reload(&file(given)).and_then(|generation| print(&format!("generation {generation}\n")))
        }
        Some(("drain", given)) => {
            let text = |name| given.get_one::<String>(name).map(String::as_str);
            client::drain(&file(given), text("delay"), text("timeout"))
        }
        Some(("token", given)) => token::made(given).and_then(|token| print(&(token + "\n"))),
        Some(("schema", given)) => {
            print(&if given.get_flag("markdown") { reference::markdown() } else { schema() })
        }
        _ => unreachable!("clap asks for one of the commands"),
    };
    let code = match done {
        Ok(()) => 0,
        Err(Refused::Runtime(why)) if diagnostics::refused(&why) => 2,
        Err(refused) => {
            eprint!("{refused}");
            match refused {
                Refused::Configuration(_) | Refused::Reload(_) => 1,
                Refused::Runtime(_) => 2,
            }
        }
    };
    diagnostics::flush();
    ExitCode::from(code)
}

fn command() -> Command {
    let file = Arg::new("file").value_name("FILE").default_value("ringgate.yaml");
    let running = file.clone().short('f').long("file");
    // Each command takes its file in both ways, and tells of one.
    let also = Arg::new("also").value_name("FILE").hide(true).conflicts_with("file");
    Command::new("ringgate")
        .version(env!("CARGO_PKG_VERSION"))
        .about("An API gateway with one pinned io_uring shard a CPU")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("run").about("Run the gateway").arg(running.clone()).arg(also.clone()))
        .subcommand(
            Command::new("reload")
                .about("Have the running gateway read its file again; wait until all shards serve it")
                .arg(running.clone())
                .arg(also.clone()),
        )
        .subcommand(
            Command::new("drain")
                .about("Have the running gateway end: readiness fails, exchanges end, connections close")
                .arg(running)
                .arg(also.clone())
                .arg(
                    Arg::new("delay")
                        .long("delay")
                        .value_name("TIME")
                        .help("In place of gateway.drain.delay"),
                )
                .arg(
                    Arg::new("timeout")
                        .long("timeout")
                        .value_name("TIME")
                        .help("In place of gateway.drain.timeout"),
                ),
        )
        .subcommand(explained(&file))
        .subcommand(
            Command::new("check")
                .about("Check a configuration and print every problem")
                .arg(file.index(1))
                .arg(also.short('f').long("file")),
        )
        .subcommand(
            Command::new("demo")
                .about("Run the gateway before three small origins of its own")
                .arg(Arg::new("bind").long("bind").value_name("ADDRESS").default_value("127.0.0.1:8080")),
        )
        .subcommand(
            Command::new("schema").about("Print the JSON Schema of the configuration").arg(
                Arg::new("markdown")
                    .long("markdown")
                    .action(ArgAction::SetTrue)
                    .help("Print the operator's reference instead"),
            ),
        )
        .subcommand(token::command())
}

fn explained(file: &Arg) -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    Command::new("explain")
        .about("Tell what would become of a request: its route, its upstream, its endpoint, and why")
        .arg(
            Arg::new("request")
                .required(true)
                .value_name("REQUEST")
                .help("'[METHOD] URL', '[METHOD] /PATH', or a whole request line with its version"),
        )
        .arg(file.clone().short('f').long("file"))
        .arg(
            Arg::new("field")
                .short('H')
                .long("header")
                .value_name("NAME: VALUE")
                .action(ArgAction::Append)
                .help("A field; may be given several times"),
        )
        .arg(
            Arg::new("listener")
                .long("listener")
                .value_name("NAME")
                .help("Where it comes in; the first listener unless given"),
        )
        .arg(
            Arg::new("client")
                .long("client")
                .value_name("ADDRESS")
                .default_value("127.0.0.1")
                .help("Where it comes from, or 'unix'"),
        )
        .arg(
            Arg::new("against")
                .long("against")
                .value_name("FILE")
                .help("Another configuration: what would change for this request"),
        )
        .arg(flag("all", "List all routes, also those with another host or path"))
        .arg(flag("resolve", "Look the endpoints' names up, as run does at its start"))
        .arg(flag("json", "Print JSON"))
}

fn file(given: &ArgMatches) -> PathBuf {
    let named = |id| given.try_get_one::<String>(id).ok().flatten();
    named("also").or_else(|| named("file")).map_or_else(|| PathBuf::from("ringgate.yaml"), PathBuf::from)
}

/// The end waits for the disk for this long at most.
const DISK: Duration = Duration::from_secs(2);

fn on_control(work: impl Future<Output = Result<(), Refused>>) -> Result<(), Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Refused::Runtime(format!("no control thread: {error}\n")))?;
    let ended = runtime.block_on(work);
    // A disk that hangs does not keep the process.
    runtime.shutdown_timeout(DISK);
    ended
}

async fn start(path: &Path) -> Result<(), Refused> {
    let (config, mut files) = load::gather(path);
    let config = config.map_err(Refused::Configuration)?;
    let compiled = load::compile_of(&config, Generation(1), None, &mut files);
    let (table, warnings) = compiled.map_err(Refused::Configuration)?;
    begin_log(&table)?;
    diagnostics::found(&warnings);
    let shown = config.origin.shown();
    run(Start { table, shown, file: Some((path.to_owned(), files)) }, |_| {}).await
}

async fn tell(given: &ArgMatches) -> Result<(), Refused> {
    let text = |name: &str| given.get_one::<String>(name).cloned();
    let command = explain::Command {
        request: text("request").unwrap_or_default(),
        fields: given.get_many::<String>("field").into_iter().flatten().cloned().collect(),
        file: file(given),
        against: text("against").map(PathBuf::from),
        listener: text("listener"),
        client: text("client").unwrap_or_default(),
        listing: if given.get_flag("all") { explain::Listing::All } else { explain::Listing::Fitting },
        resolve: given.get_flag("resolve"),
        printed: if given.get_flag("json") { explain::Printed::Json } else { explain::Printed::Text },
    };
    print(&explain::run(&command).await?)
}

/// Writes to stdout. Whoever reads it may have read enough.
fn print(text: &str) -> Result<(), Refused> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Refused::Runtime(format!("stdout cannot be written: {error}\n")))
        }
        _ => Ok(()),
    }
}

fn begin_log(table: &Table) -> Result<(), Refused> {
    diagnostics::start(table.gateway.log)
        .map_err(|error| Refused::Runtime(format!("no thread for the log of the process: {error}")))
}

fn report(path: &Path) -> Result<ExitCode, Refused> {
    let report = check::check(path);
    print(&report.text(path))?;
    Ok(ExitCode::from(if report.counts.is_some() { 0 } else { 1 }))
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
    begin_log(&table)?;
    run(Start { table, shown: config.origin.shown(), file: None }, |bound| {
        let addr = match bound.first() {
            Some((_, Address::Tcp(addr))) => *addr,
            _ => bind,
        };
        let program = std::env::current_exe().unwrap_or_else(|_| "ringgate".into());
        let lines = demo::lines(addr, &program.display().to_string());
        // Whoever reads them may have read enough, and the demo goes on.
        let told = format!("Paste any of these lines into another terminal:\n\n{lines}\n");
        let _ = std::io::stdout().write_all(told.as_bytes());
    })
    .await
}
