//! What every server can be asked, because it is the instrument `router`.

use std::time::{Duration, Instant, SystemTime};

use router_wire::CallId;
use router_wire::describe::Description;
use router_wire::hello::PingReply;
use router_wire::outcome::OUTCOME;
use router_wire::status::{LaneStatus, ServerStats, StopOutcome};

use crate::call_error::CallError;
use crate::client::RouterClient;
use crate::outcome_report::OutcomeReport;
use crate::request::Request;

/// What a ping found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PingReport {
    /// From here to the server's router loop and back, both ends included.
    pub round_trip: Duration,
    /// The server's clock when it answered.
    pub server_time: SystemTime,
    /// Which life of the server answered.
    pub epoch: u64,
}

/// How much longer than a connection an answer to a ping is waited for.
const PING_GRACE: Duration = Duration::from_millis(100);

impl RouterClient {
    /// Asks the server whether it lives, past everything that waits for instruments.
    ///
    /// # Errors
    /// [`CallError::ServerGone`] when there is no connection, [`CallError::DeadlineExceeded`] from a stuck server.
    ///
    /// # Blocking
    /// At most for the connect timeout (3 s unless set) and 150 ms.
    pub fn ping(&self) -> Result<PingReport, CallError> {
        let started = Instant::now();
        // Later than the connect timeout: that ends the call with why there is no connection.
        let deadline = self.shared().options.connect_timeout.saturating_add(PING_GRACE);
        let reply: PingReply = self.call("router.ping", ()).deadline(deadline).wait()?;
        let since_1970 = Duration::from_nanos(u64::try_from(reply.utc_ns).unwrap_or(0));
        let server_time = SystemTime::UNIX_EPOCH + since_1970;
        Ok(PingReport { round_trip: started.elapsed(), server_time, epoch: reply.epoch })
    }

    /// Asks what became of a call, of this client or another one: [`PendingCall::id`](crate::PendingCall::id) and
    /// [`CallError::Unknown`] name it. The server answers while its instruments are busy.
    ///
    /// [`OutcomeReport::NeverRan`] closes the call: should its request still arrive, it is refused.
    ///
    /// ```no_run
    /// # use router_client::{CallError, OutcomeReport, Refused, RouterClient};
    /// # let client = RouterClient::connect("tcp://localhost")?;
    /// let moved = client.call::<f64>("stage.move_to", (1500.0,)).wait();
    /// if let Err(CallError::Unknown { call_id, .. }) = &moved {
    ///     match client.outcome(call_id).wait()? {
    ///         OutcomeReport::Finished(finished) => println!("{:?}", finished.into_result::<f64, Refused>()),
    ///         OutcomeReport::Running { progress, .. } => println!("it goes on: {progress:?}"),
    ///         OutcomeReport::NeverRan => println!("it may be made again"),
    ///         _ => println!("nobody knows; look at the stage"),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn outcome(&self, id: &CallId) -> Request<OutcomeReport> {
        let request = self.call(OUTCOME, ()).kw("call_id", id.without_epoch());
        if id.epoch == 0 { request } else { request.kw("epoch", id.epoch) }
    }

    /// Asks what the server serves: every call with its arguments, types, units and documentation, and every stream.
    pub fn describe(&self) -> Request<Description> {
        self.call("router.describe", ())
    }

    /// Asks what the server has counted.
    pub fn stats(&self) -> Request<ServerStats> {
        self.call("router.stats", ())
    }

    /// Asks what each lane is doing: which method, for how long, for whom.
    pub fn lanes(&self) -> Request<Vec<LaneStatus>> {
        self.call("router.lanes", ())
    }

    /// Has the stream `name` published; it may be enabled already.
    pub fn enable_stream(&self, name: &str) -> Request<()> {
        self.call("router.enable_stream", (name,))
    }

    /// Has the stream `name` not published any more; after the answer nothing later comes.
    pub fn disable_stream(&self, name: &str) -> Request<()> {
        self.call("router.disable_stream", (name,))
    }

    /// Has the function of the periodic stream `name` called at `frequency_hz`.
    pub fn set_frequency(&self, name: &str, frequency_hz: f64) -> Request<()> {
        self.call("router.set_frequency", (name, frequency_hz))
    }

    /// Stops everything that can be: runs every `urgent, clears_lane` method of the server that needs no argument,
    /// side by side, and answers with how each ended.
    ///
    /// This is not a safety interlock: it needs a server, a network and drivers that work.
    pub fn stop_all(&self) -> Request<Vec<StopOutcome>> {
        self.call("router.stop_all", ())
    }
}
