// c goes along the edge of the Mandelbrot set's heart. swing, fall, turn, light: turns; zoom: octaves; fine, glow:
// heights.
Orbit julia(vec2 p, float swing, float reach, float zoom, float fall, float turn, float fine, float glow,
        float light) {
    vec2 m = reach * direction(0.5 - 0.4 * cos_turns(swing));
    vec2 c = 0.5 * m - 0.25 * times(m, m);
@LOOK@}
