//! Fails in every way there is, and goes on.

use examples::remote_error::{StageClient, StageError};
use router_client::{CallError, RouterClient};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;
    let stage = StageClient::new(&client, "stage");

    // The method's own error comes back as what it was, with its fields.
    match stage.move_to(12_000.0).wait() {
        Err(CallError::Refused(error @ StageError::OutOfRange { target_um, travel_um })) => {
            println!("refused: {error}, {} um too far", target_um - travel_um);
        }
        other => return Err(format!("expected a refusal, got {other:?}").into()),
    }

    // Everything else says what it was, and whether the method ran.
    match stage.shake().wait() {
        Err(error @ CallError::Panicked { .. }) => println!("panicked: {error}"),
        other => return Err(format!("expected a panic, got {other:?}").into()),
    }
    match client.call::<f64>("stage.mov_to", (1.0,)).wait() {
        Err(error @ CallError::NotFound { .. }) => println!("did not run: {error}"),
        other => return Err(format!("expected no such call, got {other:?}").into()),
    }
    match client.call::<f64>("stage.move_to", ("far",)).wait() {
        Err(error @ CallError::BadArguments { .. }) => println!("did not run: {error}"),
        other => return Err(format!("expected bad arguments, got {other:?}").into()),
    }

    println!("and it still moves, to {} um", stage.move_to(100.0).wait()?);
    Ok(())
}
