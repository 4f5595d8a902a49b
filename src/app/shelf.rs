//! Series opened before: what a person did with each is kept, their voxels as long as there is room.

use super::state::{Inputs, Outcome, Person};
use super::viewer::{OpenSeries, View, Window};
use thoracast_core::identity::Identity;
use thoracast_dicom::{Series, Voxel};

/// Share of the computer's memory that voxels may take, the shown series included.
const MEMORY_SHARE: f64 = 0.5;

/// What was done for one patient: with a series and how it was looked at, or with a table's row alone.
pub struct Desk {
    pub person: Person,
    pub inputs: Inputs,
    pub undo: Vec<Inputs>,
    pub redo: Vec<Inputs>,
    pub outcome: Outcome,
    pub cross: Voxel,
    pub window: Window,
    pub views: [View; 3],
}

/// A series that is not on screen.
struct Parked {
    series: Series,
    desk: Option<Desk>,
    /// Its voxels, unless they had to make room.
    open: Option<OpenSeries>,
}

/// Series opened before, the last shown at the end, and rows shown without a series.
#[derive(Default)]
pub struct Shelf {
    parked: Vec<Parked>,
    alone: Vec<Desk>,
}

fn same(a: &Series, b: &Series) -> bool {
    a.uid == b.uid && a.frames == b.frames
}

impl Shelf {
    /// Puts a series away.
    pub fn park(&mut self, open: OpenSeries, desk: Desk) {
        let series = open.series.clone();
        self.parked.retain(|p| !same(&p.series, &series));
        // Half-read series are read again: nothing keeps reading them.
        let complete = open.loaded() == open.planes.len();
        self.parked.push(Parked { series, desk: Some(desk), open: complete.then_some(open) });
    }

    /// What was done with a series, and its voxels if they are still here.
    pub fn take(&mut self, series: &Series) -> (Option<Desk>, Option<OpenSeries>) {
        let Some(at) = self.parked.iter().position(|p| same(&p.series, series)) else { return (None, None) };
        let parked = self.parked.remove(at);
        (parked.desk, parked.open)
    }

    /// Puts away what was done with a row alone.
    pub fn park_alone(&mut self, desk: Desk) {
        self.alone.retain(|other| !other.person.identity.is_same(&desk.person.identity));
        self.alone.push(desk);
    }

    /// What was done with a patient's row alone.
    pub fn take_alone(&mut self, identity: &Identity) -> Option<Desk> {
        let at = self.alone.iter().position(|desk| desk.person.identity.is_same(identity))?;
        Some(self.alone.remove(at))
    }

    /// What was entered for a patient with another series, the last shown first.
    pub fn inputs_of(&self, identity: &Identity) -> Option<&Inputs> {
        let desks = self.parked.iter().rev().filter_map(|p| p.desk.as_ref());
        let mut of = desks.filter(|desk| desk.person.identity.is_same(identity));
        of.next().map(|desk| &desk.inputs)
    }

    /// Drops a series' voxels; what was done with it stays.
    pub fn forget(&mut self, series: &Series) {
        for parked in self.parked.iter_mut().filter(|p| same(&p.series, series)) {
            parked.open = None;
        }
    }

    /// Drops the voxels of the series shown longest ago until `needed` bytes more fit; the descriptions of those dropped.
    pub fn make_room(&mut self, needed: u64, budget: u64) -> Vec<String> {
        let mut dropped = Vec::new();
        while self.bytes() + needed > budget {
            let Some(oldest) = self.parked.iter_mut().find(|p| p.open.is_some()) else { break };
            oldest.open = None;
            dropped.push(oldest.series.description.clone());
        }
        dropped
    }

    /// Bytes of voxels kept here.
    pub fn bytes(&self) -> u64 {
        self.parked.iter().filter_map(|p| p.open.as_ref()).map(OpenSeries::bytes).sum()
    }

    /// Whether a series' voxels are here.
    pub fn holds(&self, series: &Series) -> bool {
        self.parked.iter().any(|p| p.open.is_some() && same(&p.series, series))
    }
}

/// Bytes that voxels may take: a share of the computer's (or the container's) memory.
pub fn budget() -> u64 {
    // Where the system doesn't tell its memory there is nothing to hold against: one series of any size, and no more.
    thoracast_dicom::physical_memory().map_or(0, |bytes| (bytes as f64 * MEMORY_SHARE) as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use thoracast_dicom::{Plane, Sections};

    fn open(uid: &str) -> OpenSeries {
        let plane = Arc::new(Plane { stored: vec![0; 100], slope: 1.0, intercept: 0.0 });
        OpenSeries {
            series: Series {
                uid: uid.into(),
                rows: 10,
                columns: 10,
                description: uid.into(),
                ..Series::default()
            },
            planes: vec![Some(plane); 5],
            opening: 1,
            asked_at: Instant::now(),
            volume: None,
            sections: Arc::new(Sections::flat(10, 10, 5, [1.0, 1.0]).unwrap()),
        }
    }

    fn desk(t4: usize) -> Desk {
        Desk {
            person: Person::default(),
            inputs: Inputs { t4: Some(t4), ..Inputs::default() },
            undo: Vec::new(),
            redo: Vec::new(),
            outcome: Outcome::default(),
            cross: Voxel::default(),
            window: Window::MEDIASTINUM,
            views: [View::default(); 3],
        }
    }

    /// Two series without a PatientID were one patient, and the values of the one stood in the other's form.
    #[test]
    fn values_are_found_by_identity_and_never_by_an_empty_id() {
        let of = |id: &str, study: &str| Identity { study_uid: study.to_owned(), ..Identity::typed(id) };
        let with = |identity: Identity, t4| Desk { person: Person { identity, offered: None }, ..desk(t4) };
        let mut shelf = Shelf::default();
        shelf.park(open("a"), with(of("", "1"), 1));
        shelf.park(open("b"), with(of("P-1", "2"), 2));
        shelf.park_alone(with(of("24", ""), 3));
        let t4 = |identity: Identity| shelf.inputs_of(&identity).and_then(|inputs| inputs.t4);
        assert_eq!(t4(of("", "9")), None);
        assert_eq!(t4(of("", "1")), Some(1));
        assert_eq!(t4(of("P-1", "3")), Some(2));
        assert_eq!(t4(of("24", "")), None, "a row alone is offered, not inherited");
        assert_eq!(shelf.take_alone(&of("24.0", "")).unwrap().inputs.t4, Some(3));
    }

    #[test]
    fn the_series_shown_longest_ago_makes_room_and_its_work_stays() {
        let mut shelf = Shelf::default();
        for (i, uid) in ["a", "b", "c"].into_iter().enumerate() {
            shelf.park(open(uid), desk(i));
        }
        assert_eq!(shelf.bytes(), 3000);
        assert_eq!(shelf.make_room(1000, 3000), ["a"]);
        assert_eq!(shelf.bytes(), 2000);
        let (work, voxels) = shelf.take(&open("a").series);
        assert_eq!(work.unwrap().inputs.t4, Some(0));
        assert!(voxels.is_none());
        assert!(shelf.take(&open("c").series).1.is_some());
        assert_eq!(shelf.make_room(u64::MAX / 2, 10), ["b"]);
    }
}
