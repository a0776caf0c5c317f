// --- how it is looked at and graded ------------------------------------------------------------------------

// Screen to picture. p: picture heights, y up, (0, 0) in the middle; turned: degrees, counter-clockwise;
// mirrored: 0 no, 1 left and right, 2 top and bottom, 3 both; segments: of a kaleidoscope, 0 for none; polar: up
// becomes outwards; warp: how far slow waves bend it, 0 to 1; warp_scale: of them in one height; flow: turns.
vec2 looked_at(vec2 p, float zoom, float turned, float shift_x, float shift_y, float mirrored, float segments,
        float polar, float warp, float warp_scale, float flow) {
    if (mirrored > 0.5 && mirrored < 1.5 || mirrored > 2.5) p.x = abs(p.x);
    if (mirrored > 1.5) p.y = abs(p.y);
    if (segments > 0.5 && dot(p, p) > 0.0) {
        float count = floor(segments + 0.5);
        float at = atan(p.y, p.x) / 6.28318531 * count;
        float inside = abs(at - floor(at + 0.5)) / count * 6.28318531;
        p = length(p) * vec2(cos(inside), sin(inside));
    }
    if (polar > 0.5) p = vec2(dot(p, p) > 0.0 ? abs(atan(p.y, p.x)) / 3.14159265 - 0.5 : -0.5, length(p) - 0.5);
    if (warp > 0.0) {
        vec2 waves = fract(vec2(flow, 0.7071 * flow + 0.25));
        p += 0.12 * warp * sin(6.28318531 * (warp_scale * p.yx + waves));
        p += 0.06 * warp * sin(6.28318531 * (2.0 * warp_scale * p.yx + waves.yx));
    }
    float c = cos(radians(turned)), s = sin(radians(turned));
    p -= vec2(shift_x, shift_y);
    return vec2(c * p.x + s * p.y, c * p.y - s * p.x) / zoom;
}

const vec3 LUMA = vec3(0.2126, 0.7152, 0.0722);

// exposure: stops; contrast, saturation: 1 as it is; hue: turns; tint: 0 to 1, towards the hue `tint_hue`.
vec3 graded(vec3 rgb, float exposure, float contrast, float saturation, float hue, float tint, float tint_hue) {
    if (exposure == 0.0 && contrast == 1.0 && saturation == 1.0 && fract(hue) == 0.0 && tint == 0.0) return rgb;
    // Around the grey axis, then so that the luminance stays.
    float c = cos(6.28318531 * hue), s = 0.577350269 * sin(6.28318531 * hue);
    vec3 spun = c * rgb + (1.0 - c) / 3.0 * (rgb.r + rgb.g + rgb.b) + s * (rgb.brg - rgb.gbr);
    rgb = spun + dot(LUMA, rgb) - dot(LUMA, spun);
    rgb = mix(vec3(dot(LUMA, rgb)), rgb, saturation);
    vec3 colour = clamp(abs(fract(tint_hue + vec3(0.0, -1.0, 1.0) / 3.0) * 6.0 - 3.0) - 1.0, 0.0, 1.0);
    rgb = mix(rgb, colour / max(dot(LUMA, colour), 0.25) * dot(LUMA, rgb), tint);
    rgb = rgb * exp2(exposure) * contrast + 0.5 * (1.0 - contrast);
    // A soft shoulder, so that what is too bright keeps its colour.
    rgb = min(rgb, 0.8) + 0.2 * (1.0 - exp2(max(rgb - 0.8, 0.0) * -7.21347520));
    return clamp(rgb, 0.0, 1.0);
}
