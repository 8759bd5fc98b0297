package main

import (
	"github.com/gridtie/gridtie/internal/settings"
)

// storeAddress is what a flag says, or else the variable: an address with a password in it must not be a flag.
func (a *app) storeAddress(flag, given, variable string) (string, error) {
	if given == "" {
		given, _ = a.variable(variable)
		return given, nil
	}
	if err := settings.HideStore(given); err != nil {
		return "", &usageError{&failure{err: &flagError{flag, err}, hint: settings.HiddenHint(variable)}}
	}
	return given, nil
}

// flagError is what is wrong with a flag.
type flagError struct {
	flag string
	err  error
}

func (e *flagError) Error() string { return "flag --" + e.flag + ": " + e.err.Error() }
func (e *flagError) Unwrap() error { return e.err }
