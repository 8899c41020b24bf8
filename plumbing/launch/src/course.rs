//! A command's way from its start to its end, as every source goes through it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::call::{Command, Exit, Finished};
use crate::error::LaunchError;
use crate::reaper::Reaper;
use crate::signals::{News, Signals};
use crate::start::Started;

/// The command's own end.
#[derive(Debug)]
struct End {
    status: i32,
    duration: Duration,
    /// When watching what outlives it stops.
    deadline: Instant,
}

/// Holds what must be held while a command runs, and knows how far it has come.
#[derive(Debug)]
pub struct Course {
    /// The signals of this process.
    pub signals: Signals,
    /// The adoption of orphans.
    pub reaper: Reaper,
    started_ns: i64,
    instant: Instant,
    grace: Duration,
    end: Option<End>,
    gaps: Vec<String>,
}

impl Course {
    /// Begins: holds the signals, adopts orphans, starts the clock.
    ///
    /// What outlives the command is watched for `grace`.
    pub fn begin(grace: Duration) -> Result<Self, LaunchError> {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(Self {
            signals: Signals::hold().map_err(LaunchError::io("hold the signals"))?,
            reaper: Reaper::adopt().map_err(LaunchError::io("adopt orphans"))?,
            started_ns: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            instant: Instant::now(),
            grace,
            end: None,
            gaps: Vec::new(),
        })
    }

    /// Takes note that the command has ended with this raw wait status and is reaped.
    pub fn command_ended(&mut self, status: i32) {
        self.signals.ended();
        let deadline = Instant::now() + self.grace;
        self.end = Some(End {
            status,
            duration: self.instant.elapsed(),
            deadline,
        });
    }

    /// Whether the command has ended.
    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Returns how long to watch still; `None` while the command runs.
    pub fn time_left(&self) -> Option<Duration> {
        let end = self.end.as_ref()?;
        Some(end.deadline.saturating_duration_since(Instant::now()))
    }

    /// Takes the signals that have come. Returns whether a child may have changed.
    ///
    /// A wish to end that comes after the command has ended cuts the grace short.
    pub fn take_signals(&mut self) -> bool {
        let mut children = false;
        while let Some(news) = self.signals.take(Duration::ZERO) {
            children |= self.heed(news);
        }
        children
    }

    /// Waits for one signal, at most `timeout`, and heeds it. Returns whether a child may have
    /// changed.
    pub fn wait_for_signal(&mut self, timeout: Duration) -> bool {
        let news = self.signals.take(timeout);
        news.is_some_and(|news| self.heed(news))
    }

    /// Heeds one piece of news. Returns whether a child may have changed.
    pub fn heed(&mut self, news: News) -> bool {
        if let (News::Ending(_), Some(end)) = (news, &mut self.end) {
            end.deadline = Instant::now();
        }
        news == News::Child
    }

    /// Notes something that was not seen, in plain words.
    pub fn note_gap(&mut self, gap: String) {
        self.gaps.push(gap);
    }

    /// Tells how it all went; an error when the command's program was never executed.
    pub fn finish(
        self,
        outlived: bool,
        started: &Started,
        command: &Command,
    ) -> Result<Finished, LaunchError> {
        started.was_executed(command)?;
        let status = self.end.as_ref().map_or(0, |end| end.status);
        Ok(Finished {
            exit: Exit::from_status(status),
            started_ns: self.started_ns,
            duration: self.end.map_or(Duration::ZERO, |end| end.duration),
            interrupted: self.signals.interrupted(),
            outlived,
            gaps: self.gaps,
        })
    }
}
