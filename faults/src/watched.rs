//! A server with a bystander, measured before anything happens to anybody.

use crate::account::Account;
use crate::bystander::{Bystander, CALM, all_are_there};
use crate::failed::Outcome;
use crate::row::Row;
use crate::server::Server;

/// What most scenarios begin with.
pub(crate) struct Watched {
    pub(crate) server: Server,
    pub(crate) bystander: Bystander,
    /// Memory of the server before anything happens [bytes].
    pub(crate) resident: u64,
}

impl Watched {
    /// Starts both; the bystander listens to `streams` too.
    pub(crate) fn start(with: &[(&str, &str)], streams: &str) -> Outcome<Watched> {
        let mut server = Server::start(with)?;
        let bystander = Bystander::start(server.address(), streams)?;
        let resident = server.resident()?;
        Ok(Watched { server, bystander, resident })
    }

    /// Ends both; the server must not use more than `more` bytes beyond what it used before, and the bystander must have
    /// every sample of its small stream.
    pub(crate) fn finish(self, done: String, losses: String, more: u64) -> Outcome<Row> {
        let (row, small) = self.end(done, losses, more)?;
        all_are_there(&small, &row.during)?;
        Ok(row)
    }

    /// As [`finish`](Watched::finish), where samples may be lost as long as they are counted. Returns what became of
    /// those of the bystander's small stream, too.
    pub(crate) fn end(mut self, done: String, losses: String, more: u64) -> Outcome<(Row, Account)> {
        // What comes after it is over is looked at, too.
        std::thread::sleep(CALM);
        let during = self.bystander.during()?;
        let before = self.bystander.before;
        let after = self.server.memory_is_back("server", self.resident, more)?;
        let (small, account) = self.bystander.accounts()?;
        let losses = format!("{losses}; bystander: {account}");
        Ok((Row { done, before, during, resident: (self.resident, after), losses }, small))
    }
}
