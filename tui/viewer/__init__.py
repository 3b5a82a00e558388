"""The dashboard: draws what events tell it, sends commands, holds nothing that matters."""
