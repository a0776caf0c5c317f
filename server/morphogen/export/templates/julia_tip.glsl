    // Its tip, a fixed point that everything leaves by `rate`: the Poincare function, P(rate w) = P(w)^2 + c, as far
    // as five terms go; what the next two would add says how far that is.
    vec2 rate = m.x > 1.0 ? m : vec2(2.0, 0.0) - m;
    vec2 r2 = times(rate, rate), r3 = times(r2, rate), r4 = times(r2, r2), r5 = times(r3, r2), r6 = times(r3, r3);
    vec2 t2 = over(vec2(1.0, 0.0), r2 - rate);
    vec2 t3 = over(2.0 * t2, r3 - rate);
    vec2 t4 = over(2.0 * t3 + times(t2, t2), r4 - rate);
    vec2 t5 = over(2.0 * (t4 + times(t2, t3)), r5 - rate);
    vec2 t6 = over(2.0 * (t5 + times(t2, t4)) + times(t3, t3), r6 - rate);
    float good = 1.0 / max(pow(length(t5) * @PER_ROUGH@, 0.2), pow(length(t6) * @PER_ROUGH@, 1.0 / 6.0));
    float far = good / @RADIUS@ * exp2(-zoom) * pow(length(rate), -fall);
    vec2 w = far * direction(turn - fall * angle(rate.y, rate.x)), w2 = times(w, w);
    return orbit(p, 0.5 * rate, w, times(t2, w2), times(t3, times(w2, w)), times(t4, times(w2, w2)), c, 0.0, -fall,
        fine, glow, direction(light));
