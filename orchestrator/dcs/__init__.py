"""Huawei Cloud DCS: its states, codes, messages, signature and client; it knows Huawei, never a terminal."""
