//! A server with a stage, a client of it, and calls that are where a test wants them.

use router_client::{PendingCall, RouterClient};
use router_server::RouterServer;

use super::{StageRig, TestStage, client, server};

/// A server that serves `stage`, and a client that is connected.
pub(crate) struct ServedStage {
    pub(crate) server: RouterServer,
    pub(crate) rig: StageRig,
    pub(crate) client: RouterClient,
}

pub(crate) fn serve_stage() -> ServedStage {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let client = client(&server);
    ServedStage { server, rig, client }
}

/// A call that has begun and hangs until the door is opened.
#[track_caller]
pub(crate) fn hang(client: &RouterClient, rig: &StageRig) -> PendingCall<()> {
    let hanging = client.call::<()>("stage.hang", ()).start();
    rig.hanging.arrived();
    hanging
}

/// A move to 500 um that has begun and goes on until it is ended.
#[track_caller]
pub(crate) fn begin_move(client: &RouterClient, rig: &StageRig) -> PendingCall<f64> {
    let moving = client.call::<f64>("stage.move_to", (500.0,)).start();
    rig.moving.arrived();
    moving
}
