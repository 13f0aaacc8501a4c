//! The vehicle of a rendered drive: it keeps its speed until the flag rises, then it brakes to a
//! stand and stays there.

use lookout::decide::{State, StoppingConfig, Verdict};
use lookout_scene::Moment;

/// What the brakes give in m/s²: an emergency stop of a car on a dry road, which gives 7 to 9. The
/// stopping distance of [`StoppingConfig`] is reckoned with less, so that something is left for the
/// frames that confirm a hazard.
const DECELERATION_MPS2: f64 = 6.0;

/// Where the vehicle is, from when the flag rose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vehicle {
    speed_mps: f64,
    reaction_s: f64,
    /// When the flag rose.
    raised_s: Option<f64>,
}

impl Vehicle {
    /// At that speed from the first frame on.
    pub(crate) fn new(speed_mps: f64) -> Self {
        let reaction_ms = StoppingConfig::default().reaction_time_ms;
        Self {
            speed_mps,
            reaction_s: f64::from(reaction_ms) / 1e3,
            raised_s: None,
        }
    }

    /// Hears the flag of a frame that was captured at `time_s`. The first rise counts; that the flag
    /// falls again releases nothing. While the first good frames are awaited the flag is up as well:
    /// the vehicle is under way already and lets that pass. True where the vehicle begins to stop.
    pub(crate) fn hear(&mut self, verdict: &Verdict, time_s: f64) -> bool {
        let rises = verdict.safe_stop && verdict.state != State::Waiting && self.raised_s.is_none();
        if rises {
            self.raised_s = Some(time_s);
        }
        rises
    }

    fn brakes_from(&self) -> Option<f64> {
        self.raised_s.map(|raised| raised + self.reaction_s)
    }

    /// When it comes to a stand, where it brakes.
    pub(crate) fn stands_from(&self) -> Option<f64> {
        let braking = self.speed_mps / DECELERATION_MPS2;
        self.brakes_from().map(|from| from + braking)
    }

    /// In m/s.
    pub(crate) fn speed_at(&self, time_s: f64) -> f64 {
        (self.speed_mps - DECELERATION_MPS2 * self.braked_for(time_s)).max(0.0)
    }

    /// Where the vehicle is at a time.
    pub(crate) fn moment_at(&self, time_s: f64) -> Moment {
        let braked = self.braked_for(time_s);
        let way_m = match self.brakes_from() {
            Some(from) if time_s > from => {
                self.speed_mps * (from + braked) - DECELERATION_MPS2 * braked * braked / 2.0
            }
            _ => self.speed_mps * time_s,
        };
        Moment { time_s, way_m }
    }

    /// Seconds of braking up to a time.
    fn braked_for(&self, time_s: f64) -> f64 {
        let longest = self.speed_mps / DECELERATION_MPS2;
        let since = self.brakes_from().map_or(0.0, |from| time_s - from);
        since.clamp(0.0, longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::closed_loop::story::tests::verdict as verdict_for;
    use lookout::decide::Reason;

    fn verdict(state: State) -> Verdict {
        verdict_for(state, Reason::Clear)
    }

    /// 12 m/s: 0.3 s of reaction are 3.6 m; 12 / 6 = 2 s of braking are 12 * 2 - 6 * 2² / 2 = 12 m.
    #[test]
    fn it_stands_after_reaction_and_braking() {
        let mut vehicle = Vehicle::new(12.0);
        assert!(vehicle.hear(&verdict(State::Stop), 10.0));
        let way = |t: f64| vehicle.moment_at(t).way_m;
        assert!((way(10.0) - 120.0).abs() < 1e-9);
        assert!((way(10.3) - 123.6).abs() < 1e-9);
        // half of the braking time is three quarters of the way
        assert!((way(11.3) - (123.6 + 9.0)).abs() < 1e-9);
        assert!((vehicle.speed_at(11.3) - 6.0).abs() < 1e-9);
        for t in [12.3, 12.4, 60.0] {
            assert!((way(t) - 135.6).abs() < 1e-9, "{t}");
            assert!(vehicle.speed_at(t).abs() < 1e-9, "{t}");
        }
        assert!((vehicle.stands_from().unwrap() - 12.3).abs() < 1e-9);
    }

    /// 50 km/h are 13.889 m/s: 4.167 m and 13.889² / 12 = 16.075 m.
    #[test]
    fn from_fifty_it_needs_twenty_metres() {
        let mut vehicle = Vehicle::new(50.0 / 3.6);
        vehicle.hear(&verdict(State::Fault), 0.0);
        assert!((vehicle.moment_at(9.0).way_m - 20.242).abs() < 1e-3);
    }

    #[test]
    fn only_the_first_rise_counts_and_nothing_releases_it() {
        let mut vehicle = Vehicle::new(10.0);
        for state in [State::Waiting, State::Ok, State::Warn] {
            assert!(!vehicle.hear(&verdict(state), 1.0));
        }
        assert_eq!(vehicle.stands_from(), None);
        assert_eq!(vehicle.moment_at(3.0).way_m, 30.0);
        assert!(vehicle.hear(&verdict(State::Fault), 3.0));
        let stands = vehicle.stands_from();
        for state in [State::Ok, State::Stop, State::Waiting] {
            assert!(!vehicle.hear(&verdict(state), 4.0));
        }
        assert_eq!(vehicle.stands_from(), stands);
    }
}
