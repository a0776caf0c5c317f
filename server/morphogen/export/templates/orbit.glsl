// Complex numbers are vec2: x + y i.
vec2 times(vec2 a, vec2 b) { return vec2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }
vec2 over(vec2 a, vec2 b) { return vec2(dot(a, b), a.y * b.x - a.x * b.y) / dot(b, b); }
vec2 direction(float turns) { return vec2(cos_turns(turns), cos_turns(turns - 0.25)); }

// The channels of both fractals.
struct Orbit {
    float count, edge, trap, light, inner;
};

// What becomes of a point under z -> z * z + c. A pixel p does not begin at the first iteration, but after many,
// which are the polynomial a0 + a1 p + ... + a4 p^4: so its numbers are of ordinary size at any depth.
// push: how c moves with the pixel; shift: of the count, while one polynomial gives way to the next;
// fine, glow: heights; light: where it comes from, as a direction.
Orbit orbit(vec2 p, vec2 a0, vec2 a1, vec2 a2, vec2 a3, vec2 a4, vec2 c,
        float push, float shift, float fine, float glow, vec2 light) {
    vec2 slope = a4, z = times(a4, p) + a3;
    slope = times(slope, p) + z;
    z = times(z, p) + a2;
    slope = times(slope, p) + z;
    z = times(z, p) + a1;
    slope = times(slope, p) + z;
    z = times(z, p) + a0;
    z = clamp(z, -1048576.0, 1048576.0);
    // The derivative tells the distance to the set. It is kept small, so that its square stays a float.
    slope = clamp(slope * @STILL@, -0.0000152587891, 0.0000152587891);
    float count = 0.0, least = 1.0, steepest = 0.0;
    for (int block = 0; block < @BLOCKS@; block++) {
        vec2 next = clamp(z, -@EDGE@, @EDGE@), steep = slope;
        float size = dot(next, next);
        for (int k = 0; k < @BLOCK@; k++) {
            // The first iterate leaves and another comes, little by little, while one polynomial follows another.
            float counts = block == 0 && k == 0 ? 1.0 + shift : block == @LAST_BLOCK@ && k == @LAST@ ? -shift : 1.0;
            least = min(least, dot(next, next) + 2.0 - 2.0 * counts);
            steepest = max(steepest, dot(steep, steep) * counts);
            steep = 2.0 * times(next, steep) + vec2(push * @STILL@, 0.0);
            next = times(next, next) + c;
        }
        if (size >= @OUT@) break;
        z = next;
        slope = steep;
        count += @STEPS@;
    }
    float steep2 = dot(slope, slope);
    float size = dot(z, z), bits = max(log2(size), 0.0), nats = 0.346573590 * bits;
    count = min(count + shift - log2(max(bits, 1.0)), @TOP@);
    // What did not get out has no distance: 0, and not at once.
    float outside = clamp(0.5 * (@TOP@ - count), 0.0, 1.0), apart = size * @SMALL@ * nats * nats * outside;
    float narrow = min(steep2, @STEEPEST@) * @NARROW@;
    float sure = apart / (apart + narrow * fine * fine + 1e-35);
    float near = apart / (apart + narrow * glow * glow + 1e-35);
    float shown = sure * (count - @TOP@) + @TOP@;
    // Within, what ever grew was near the edge: it fades before it is finer than a tenth of a height.
    float inner = (1.0 - outside) / (1.0 + min(steepest, @STEEP_INSIDE@) * @DEEP@);
    float trap = (sure + inner) * (1.0 - min(sqrt(least), 1.0));
    // The slope of log |z|: where the way out leads.
    vec2 uphill = times(slope, vec2(z.x, -z.y));
    float lit = times(uphill, light).x / (sqrt(size) * sqrt(steep2) + 1e-30) * sure * sure;
    return Orbit((shown - @MIDDLE@) / @SPAN@, sqrt(1.0 - near), trap, lit, inner);
}
