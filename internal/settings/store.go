package settings

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/gridtie/gridtie/engine/secret"
)

// errStore says nothing of the address: somewhere in it may be a password.
var errStore = errors.New("is not an address of the form postgres://USER@HOST:PORT/DATABASE")

// IsStoreAddress tells the address of a database from the path of a folder.
func IsStoreAddress(value string) bool {
	return strings.HasPrefix(value, "postgres://") || strings.HasPrefix(value, "postgresql://")
}

// StoreAddress checks the address of a database; an empty one is none. No error shows any of it.
func StoreAddress(value string) (secret.Text, error) {
	if value == "" {
		return secret.Text{}, nil
	}
	if !IsStoreAddress(value) {
		return secret.Text{}, errStore
	}
	if _, err := url.Parse(value); err != nil {
		return secret.Text{}, errStore
	}
	return secret.NewText(value), nil
}

// ShowStore is what may be seen of an address: no password, and of its parameters only those that hold none.
func ShowStore(value string) string {
	if value == "" {
		return ""
	}
	u, err := url.Parse(value)
	if err != nil || !IsStoreAddress(value) || u.Opaque != "" {
		return secret.Redacted
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil {
		shown.User = url.User(u.User.Username())
	}
	if query := u.Query(); len(query) > 0 {
		kept := url.Values{}
		for name, values := range query {
			if slices.Contains([]string{"search_path", "sslmode", "host", "port", "dbname", "user", "application_name"}, name) {
				kept[name] = values
			}
		}
		shown.RawQuery = kept.Encode()
	}
	return shown.String()
}

// HideStore errs if an address holds a password, or anything else that must not be an argument.
func HideStore(value string) error {
	if !IsStoreAddress(value) {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil {
		return errStore // what it holds cannot be told
	}
	_, has := u.User.Password()
	for name := range u.Query() {
		has = has || strings.Contains(strings.ToLower(name), "password")
	}
	if has {
		return errors.New("a password must not be an argument: everybody on this machine can read it there")
	}
	return nil
}

// HiddenHint is what to do with an address that must not be an argument.
func HiddenHint(variable string) string {
	return "set the variable " + variable + ", put the address into the file given with --config, or leave the password to " +
		"PGPASSWORD or PGPASSFILE"
}
