"""The config file: read (`load`), judged (`secrets`, `advice`) and described (`describe`); keys stand at settings."""
