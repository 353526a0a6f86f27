"""OAuth 2.0 and OpenID Connect: the token endpoint, what tokens stand for, and the keys that check them."""
