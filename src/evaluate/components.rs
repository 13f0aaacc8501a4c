/// The 8-connected components of a set of pixels; buffers are kept from one picture to the next.
#[derive(Clone, Debug, Default)]
pub struct Components {
    /// Number of every pixel's component, row-major: 0 outside the set, else 1 ..= `items.len()`.
    numbers: Vec<u32>,
    items: Vec<Component>,
    /// Parent of every provisional number; a root is its own parent and the smallest of its set.
    parents: Vec<u32>,
}

/// One component: its pixels, and the rectangle round them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Pixels in it.
    pub area: u32,
    /// Columns from its first pixel to its last, at least 1.
    pub width: u32,
    /// Rows from its first pixel to its last, at least 1.
    pub height: u32,
}

/// First and last column and row while a component is put together.
#[derive(Clone, Copy)]
struct Extent {
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
    area: u32,
}

impl Components {
    /// Finds the components of the pixels that `inside` holds for, numbered by their first pixel,
    /// row by row. `inside` gets places in a row-major picture of `width` columns and `pixels`
    /// pixels; a picture has at most 2^32 - 2 of these.
    pub fn find(&mut self, width: usize, pixels: usize, inside: impl Fn(usize) -> bool) {
        self.numbers.clear();
        self.numbers.resize(pixels, 0);
        self.items.clear();
        self.parents.clear();
        self.parents.push(0);
        if width == 0 {
            return;
        }
        for place in (0..pixels).filter(|&place| inside(place)) {
            self.numbers[place] = self.provisional(width, place);
        }
        self.settle(width);
    }

    /// The components by their numbers less one.
    pub fn items(&self) -> &[Component] {
        &self.items
    }

    /// Every pixel's component: 0 for none, else its place among the items plus one.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// A number shared with the neighbours that were seen before, or a new one.
    fn provisional(&mut self, width: usize, place: usize) -> u32 {
        let column = place % width;
        let (first, last) = (column == 0, column + 1 == width);
        let before = |back: usize, off: bool| if off { None } else { place.checked_sub(back) };
        let neighbours = [
            before(1, first),
            before(width + 1, first),
            before(width, false),
            before(width - 1, last),
        ];
        let mut number = 0;
        for at in neighbours.into_iter().flatten() {
            number = match (number, self.numbers[at]) {
                (number, 0) => number,
                (0, other) => self.root(other),
                (number, other) => self.join(number, other),
            };
        }
        if number == 0 {
            number = self.parents.len() as u32;
            self.parents.push(number);
        }
        number
    }

    fn root(&mut self, mut number: u32) -> u32 {
        while self.parents[number as usize] != number {
            let grandparent = self.parents[self.parents[number as usize] as usize];
            self.parents[number as usize] = grandparent;
            number = grandparent;
        }
        number
    }

    fn join(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b) as usize] = a.min(b);
        a.min(b)
    }

    /// Gives every pixel its final number, and measures the components.
    fn settle(&mut self, width: usize) {
        // a parent is smaller than its child, so its final number is known first
        let mut count = 0;
        for number in 1..self.parents.len() {
            let parent = self.parents[number] as usize;
            self.parents[number] = if parent == number {
                count += 1;
                count
            } else {
                self.parents[parent]
            };
        }
        let nowhere = Extent {
            left: u32::MAX,
            right: 0,
            top: u32::MAX,
            bottom: 0,
            area: 0,
        };
        let mut extents = vec![nowhere; count as usize];
        for (place, number) in self.numbers.iter_mut().enumerate() {
            *number = self.parents[*number as usize];
            let Some(extent) = number
                .checked_sub(1)
                .and_then(|at| extents.get_mut(at as usize))
            else {
                continue;
            };
            let (x, y) = ((place % width) as u32, (place / width) as u32);
            *extent = Extent {
                left: extent.left.min(x),
                right: extent.right.max(x),
                top: extent.top.min(y),
                bottom: extent.bottom.max(y),
                area: extent.area + 1,
            };
        }
        self.items.extend(extents.iter().map(|e| Component {
            area: e.area,
            width: e.right - e.left + 1,
            height: e.bottom - e.top + 1,
        }));
    }
}
