"""A site whose users have UUID keys, no user name, and an e-mail address under another name, or none."""
