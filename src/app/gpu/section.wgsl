// One view: a section or slab of the volume, windowed. All voxel values are exact integers; HU are made per slice.

struct View {
    // Section mm at the view's top left; the way to its top right.
    corner: vec2<f32>,
    across: vec2<f32>,
    // The way to its bottom left; the window's low end and 1 / width.
    along: vec2<f32>,
    window: vec2<f32>,
    // Reformats: start and sign of the horizontal and of the vertical axis, mm.
    axes: vec4<f32>,
    // Column, row and slice spacing, reach of a slice; mm.
    spacing: vec4<f32>,
    // Position across the section, half the slab's thickness, distance of its samples; mm. 1 = maximum, 0 = mean.
    slab: vec4<f32>,
    // Columns, rows, slices, orientation (0 axial, 1 sagittal, 2 coronal).
    size: vec4<u32>,
    // Slice of an axial section; bits: 1 inverted, 2 smooth.
    slice: u32,
    flags: u32,
    pad: vec2<u32>,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var voxels: texture_3d<i32>;
// Row 0: slope, intercept, 1 if the slice has been read. Row 1: height and shifts along rows and columns, mm.
@group(0) @binding(2) var slices: texture_2d<f32>;

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) uv: vec2<f32>,
}

@vertex
fn vs(@builtin(vertex_index) index: u32) -> Corner {
    let at = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    var corner: Corner;
    corner.position = vec4<f32>(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);
    corner.uv = at;
    return corner;
}

// HU, and whether there is a voxel to speak of.
struct Sample {
    hu: f32,
    there: bool,
}

fn nowhere() -> Sample {
    return Sample(0.0, false);
}

fn voxel(column: i32, row: i32, slice: i32) -> Sample {
    let scale = textureLoad(slices, vec2<i32>(slice, 0), 0);
    let stored = f32(textureLoad(voxels, vec3<i32>(column, row, slice), 0).r);
    return Sample(stored * scale.x + scale.y, scale.z > 0.5);
}

// Within one slice, at fractional column and row.
fn in_slice(column: f32, row: f32, slice: i32) -> Sample {
    let last = vec2<i32>(view.size.xy) - 1;
    if column < -0.5 || row < -0.5 || column > f32(last.x) + 0.5 || row > f32(last.y) + 0.5 {
        return nowhere();
    }
    if (view.flags & 2u) == 0u {
        let at = clamp(vec2<i32>(floor(vec2<f32>(column, row) + 0.5)), vec2<i32>(0), last);
        return voxel(at.x, at.y, slice);
    }
    let at = clamp(vec2<f32>(column, row), vec2<f32>(0.0), vec2<f32>(last));
    let low = vec2<i32>(floor(at));
    let high = min(low + 1, last);
    let part = at - vec2<f32>(low);
    let a = voxel(low.x, low.y, slice);
    let b = voxel(high.x, low.y, slice);
    let c = voxel(low.x, high.y, slice);
    let d = voxel(high.x, high.y, slice);
    return Sample(mix(mix(a.hu, b.hu, part.x), mix(c.hu, d.hu, part.x), part.y), a.there);
}

fn height(slice: i32) -> f32 {
    return textureLoad(slices, vec2<i32>(slice, 1), 0).x;
}

// The last slice not above a height (or the first): a good guess for even spacing, mended step by step.
fn slice_below(at: f32) -> i32 {
    let last = i32(view.size.z) - 1;
    var slice = clamp(i32(floor(at / view.spacing.z)), 0, last);
    while slice > 0 && height(slice) > at {
        slice -= 1;
    }
    while slice < last && height(slice + 1) <= at {
        slice += 1;
    }
    return slice;
}

// At positions along rows and columns of the first slice, in a given slice.
fn placed(u: f32, v: f32, slice: i32) -> Sample {
    let place = textureLoad(slices, vec2<i32>(slice, 1), 0);
    return in_slice((u - place.y) / view.spacing.x, (v - place.z) / view.spacing.y, slice);
}

fn in_volume(u: f32, v: f32, at: f32, below: i32) -> Sample {
    let above = min(below + 1, i32(view.size.z) - 1);
    let low = height(below);
    let high = height(above);
    let reach = view.spacing.w;
    if at < low - reach || at > high + reach {
        return nowhere();
    }
    let gap = high - low > 2.0 * reach;
    let nearer_above = at - low > high - at && above != below;
    if gap && min(abs(at - low), abs(high - at)) > reach {
        return nowhere();
    }
    if (view.flags & 2u) == 0u || gap || above == below || at < low || at > high {
        return placed(u, v, select(below, above, nearer_above));
    }
    let a = placed(u, v, below);
    let b = placed(u, v, above);
    if !b.there {
        return a;
    }
    if !a.there {
        return b;
    }
    return Sample(mix(a.hu, b.hu, (at - low) / (high - low)), true);
}

fn section(mm: vec2<f32>) -> Sample {
    if view.size.w == 0u {
        return in_slice(mm.x / view.spacing.x, mm.y / view.spacing.y, i32(view.slice));
    }
    let along = view.axes.x + mm.x * view.axes.y;
    let at = view.axes.z + mm.y * view.axes.w;
    let below = slice_below(at);
    let steps = i32(floor(view.slab.y / view.slab.z));
    var sum = 0.0;
    var highest = -1.0e30;
    var count = 0.0;
    for (var i = -steps; i <= steps; i += 1) {
        let across = view.slab.x + f32(i) * view.slab.z;
        var sample: Sample;
        if view.size.w == 1u {
            sample = in_volume(across, along, at, below);
        } else {
            sample = in_volume(along, across, at, below);
        }
        if sample.there {
            sum += sample.hu;
            highest = max(highest, sample.hu);
            count += 1.0;
        }
    }
    if count == 0.0 {
        return nowhere();
    }
    return Sample(select(sum / count, highest, view.slab.w > 0.5), true);
}

@fragment
fn fs(corner: Corner) -> @location(0) vec4<f32> {
    let sample = section(view.corner + view.across * corner.uv.x + view.along * corner.uv.y);
    if !sample.there {
        return vec4<f32>(0.0, 0.0, 0.0, 1.0);
    }
    // The linear window of PS3.3 C.11.2.1.2 without its half-unit shift.
    var grey = clamp((sample.hu - view.window.x) * view.window.y, 0.0, 1.0);
    if (view.flags & 1u) != 0u {
        grey = 1.0 - grey;
    }
    return vec4<f32>(grey, grey, grey, 1.0);
}
