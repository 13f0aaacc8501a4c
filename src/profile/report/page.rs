use super::{ReportBuilder, Summary};
use maud::{DOCTYPE, Markup, html};

pub(super) fn page(report: &ReportBuilder, _summary: &Summary) -> Markup {
    html! { (DOCTYPE) html lang="en" { body { h1 { (report.info.title) } } } }
}
