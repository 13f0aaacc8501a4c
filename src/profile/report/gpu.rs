//! The GPU's own times, apart from the CPU's stages.

use super::latency;
use crate::profile::DeadlineSummary;
use crate::profile::gpu::NOTE;
use maud::{Markup, html};

/// A table of the modes whose times on a GPU are known, with its heading; nothing where there are none.
pub(super) fn by_mode(summary: &DeadlineSummary) -> Markup {
    let known = || {
        let modes = summary.modes.iter();
        modes.filter_map(|mode| Some((mode.mode, mode.gpu.as_ref()?)))
    };
    let lines = known().flat_map(|(_, gpu)| gpu.lines());
    let top = lines.fold(1e-6, |top: f64, (_, latency)| top.max(latency.p99_ms));
    html! {
        @if known().next().is_some() {
            h3 { "On the GPU by mode" }
            p.small.soft { (NOTE) }
            div.scroll { table {
                (latency::head("Stage on the GPU", top))
                @for (mode, gpu) in known() {
                    tbody {
                        tr.group { th colspan="8" scope="rowgroup" { (mode) } }
                        @for (name, latency) in gpu.lines() {
                            tr { (latency::row(name, latency, Some(top), None)) }
                        }
                    }
                }
            } }
            (latency::key())
        }
    }
}
