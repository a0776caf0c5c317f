    // The whole set, after two iterations.
    vec2 s = @HEIGHT@ * exp2(-zoom) * direction(turn), s2 = times(s, s), none = vec2(0.0);
    return orbit(p, times(c, c) + c, none, 2.0 * times(c, s2), none, times(s2, s2), c, 0.0, 0.0, fine, glow,
        direction(light));
