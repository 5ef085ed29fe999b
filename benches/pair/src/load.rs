//! How fast the application works, next to what it is asked for.

use std::time::Duration;

use forbear_peers::Fallible;

/// The load that an application was built for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Calls per second.
    pub(crate) rate: u32,
}

/// How long a request takes, and how many may wait for their turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) service: Duration,
    pub(crate) room: usize,
}

impl Load {
    /// Returns how many requests are worked on at a time: twice the load fits, each taking 20 ms.
    pub(crate) const fn workers(self) -> u32 {
        self.rate.div_ceil(25)
    }

    /// Twice the load, and room for a quarter of a second of work: more is shed.
    pub(crate) fn well(self) -> Pace {
        self.capacity(2.0, self.rate.div_ceil(2))
    }

    /// Half of the load, and as much room.
    pub(crate) fn sheds(self) -> Pace {
        self.capacity(0.5, self.rate.div_ceil(2))
    }

    /// Half of the load, and everybody may wait.
    pub(crate) fn waits(self) -> Pace {
        self.capacity(0.5, u32::MAX)
    }

    fn capacity(self, of_load: f64, room: u32) -> Pace {
        let service = f64::from(self.workers()) / (of_load * f64::from(self.rate));
        Pace { service: Duration::from_secs_f64(service), room: usize::try_from(room).unwrap_or(usize::MAX) }
    }
}

impl Pace {
    /// As the application is told.
    pub(crate) fn to_line(self) -> String {
        format!("{} {}", self.service.as_micros(), self.room)
    }

    pub(crate) fn from_line(line: &str) -> Fallible<Self> {
        let (service, room) = line.trim().split_once(' ').ok_or("no pace")?;
        Ok(Self { service: Duration::from_micros(service.parse()?), room: room.parse()? })
    }
}
