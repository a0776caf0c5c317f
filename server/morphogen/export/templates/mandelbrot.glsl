// The place that the zoom leads to, and from which depth on (octaves) the picture is the same again after each
// ROUND octaves, then turned by ROUND_TURN + MORE_TURN turns: two parts, of which the first is exact.
const vec2 PLACE = @PLACE@;
const float SETTLED = @SETTLED@;
const float ROUND = @ROUND@;
const float ROUND_TURN = @ROUND_TURN@;
const float MORE_TURN = @MORE_TURN@;

// The iterations that a pixel need not do: a row for each depth, from `opens` to `closes` octaves.
void begun(float depth, out float opens, out float closes,
        out vec2 a0, out vec2 a1, out vec2 a2, out vec2 a3, out vec2 a4) {
@ROWS@}

// zoom: octaves, of which `rounds` whole ROUNDs were taken before; turn, light: turns; fine, glow: heights.
Orbit mandelbrot(vec2 p, float zoom, float rounds, float turn, float fine, float glow, float light) {
    // On the way there the place comes to the middle.
    float aside = max(1.0 - zoom / @MOVED@, 0.0);
    float more = max(floor((zoom - SETTLED) / ROUND), 0.0);
    zoom -= more * ROUND;
    rounds += more;
    turn += fract(rounds * ROUND_TURN) + rounds * MORE_TURN;
    p = times(p, direction(turn)) + aside * aside * @ASIDE@;
    float opens, closes;
    vec2 a0, a1, a2, a3, a4;
    begun(zoom, opens, closes, a0, a1, a2, a3, a4);
    float q = exp2(opens - zoom), scale = @HEIGHT@ * exp2(-zoom);
    return orbit(p, a0, q * a1, q * q * a2, q * q * q * a3, q * q * q * q * a4, PLACE + scale * p, scale,
        (opens - zoom) / (closes - opens), fine, glow, direction(turn + light));
}
