//! What must hold of every run, whatever its figures.

use std::time::Duration;

use forbear::StopReason;
use forbear_peers::Fallible;
use http::Method;

use crate::contender::Contender;
use crate::faults::Fault;
use crate::figures::Figures;
use crate::traffic::CLIENTS;

/// The attempts of a call, by forbear's default.
const ATTEMPTS: u32 = 3;

pub(crate) fn hold(all: &[Figures<'_>], span: Duration) -> Fallible<()> {
    let mut broken = Vec::new();
    let bare = of(all, Contender::NoRetries)?;
    for fault in Fault::ALL {
        if bare.lost(|call| bare.fault(call) == Some(fault)) == 0 {
            broken.push(format!("{}: nothing was lost without retries, so nothing was tried", fault.name()));
        }
    }
    for contender in [Contender::Forbear, Contender::Unlimited] {
        let (figures, name) = (of(all, contender)?, contender.name());
        let doubles = figures.doubles(&Method::POST);
        if doubles > 0 {
            broken.push(format!("{name}: {doubles} POSTs were done twice"));
        }
        if let Some(most) = figures.sent().map(|call| call.requests).max().filter(|most| *most > ATTEMPTS) {
            broken.push(format!("{name}: a call made {most} requests, of {ATTEMPTS} that it may"));
        }
        let (lost, without) = (figures.lost(|_| true), bare.lost(|_| true));
        if lost >= without {
            broken.push(format!("{name}: {lost} calls were lost, and without retries {without}"));
        }
        let said: u64 = StopReason::ALL.into_iter().map(|reason| figures.stopped(reason)).sum();
        if u64::try_from(lost) != Ok(said) {
            broken.push(format!("{name}: {lost} calls were lost, and it says {said}"));
        }
    }
    let forbear = of(all, Contender::Forbear)?;
    let (vain, paid_for) = (forbear.vain_retries(), paid_for(forbear, span));
    if vain > paid_for {
        broken.push(format!("forbear: {vain} retries were in vain, and {paid_for} can be paid for"));
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ").into()) }
}

fn of<'a, 's>(all: &'a [Figures<'s>], contender: Contender) -> Fallible<&'a Figures<'s>> {
    Ok(all.iter().find(|figures| figures.contender == contender).ok_or("a contender is missing")?)
}

/// Returns how many retries that do not help the budgets of all clients pay for, if each costs the least and all credit is
/// spent: four at the start, a fifth for each success, and one in 25 s.
fn paid_for(forbear: &Figures<'_>, span: Duration) -> u64 {
    let successes = u64::try_from(forbear.sent().filter(|call| call.is_success()).count()).unwrap_or(u64::MAX);
    u64::from(CLIENTS) * (4 + (span + AFTER_THE_LAST_CALL).as_secs() / 25) + successes / 5
}

/// No attempt starts later than that after its call began.
const AFTER_THE_LAST_CALL: Duration = Duration::from_secs(60);
