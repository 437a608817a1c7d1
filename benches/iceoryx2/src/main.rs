//! Plays the bench's source and sink with frames through iceoryx2: `bench-iceoryx2 role CORE source|sink ...`.
//!
//! What both programs have in common is compiled into each.

#[path = "../../src/child.rs"]
#[allow(dead_code, reason = "the bench's side of it")]
mod child;
mod frames;
#[path = "../../src/latencies.rs"]
#[allow(dead_code, reason = "for the bench's rows")]
mod latencies;
#[path = "../../src/os.rs"]
#[allow(dead_code, reason = "for the bench's rows")]
mod os;
#[path = "../../src/pattern.rs"]
mod pattern;
#[path = "../../src/publishing.rs"]
mod publishing;
#[path = "../../src/reading.rs"]
mod reading;

/// What went wrong is for a person to read.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match play(&words.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn play(words: &[&str]) -> Outcome {
    os::end_with_parent();
    // Standard output belongs to the answers.
    iceoryx2::prelude::set_log_level(iceoryx2::prelude::LogLevel::Error);
    let ["role", core, role @ ..] = words else { return Err("this program is started by the bench".into()) };
    if let Ok(core) = core.parse() {
        os::pin_to(core)?;
    }
    match role {
        ["source", _kind, address, bytes] => {
            let publish = frames::source(address, bytes.parse()?)?;
            publishing::obey(address, publish, publishing::no_order)
        }
        ["sink", _kind, address] => reading::obey(frames::sink(address)?),
        other => Err(format!("no role: {other:?}").into()),
    }
}
