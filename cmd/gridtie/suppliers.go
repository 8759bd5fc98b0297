package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
)

func (a *app) suppliers() *cobra.Command {
	return group(&cobra.Command{
		Use: "suppliers", Short: "Add suppliers and govern their keys",
		Long: "Add suppliers and govern their keys. A key is stored as a keyed hash only: it can be recognised, but not\n" +
			"shown again.",
		Example: "  gridtie suppliers add acme\n  gridtie suppliers add-key acme --generate",
	}, a.suppliersAdd(), a.suppliersList(), a.suppliersShow(), a.suppliersAddKey(), a.suppliersRevokeKey())
}

func (a *app) suppliersAdd() *cobra.Command {
	var in admin.NewSupplier
	var trust, policy string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a supplier", Args: args(1, "the name of the supplier"),
		Long:    "Add a supplier. Its id is made from the name unless it is given.",
		Example: "  gridtie suppliers add acme\n  gridtie suppliers add \"Alba Energía\" --id alba --policy same",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name, in.Trust, in.Policy = args[0], registry.Trust(trust), registry.Policy(policy)
			return a.withAdmin(cmd, func(c *admin.Client) error {
				s, err := c.AddSupplier(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.answer(s, func() error {
					a.say("Supplier %s was added. Give it a key: gridtie suppliers add-key %s --generate", s.ID, s.ID)
					return nil
				})
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&in.ID, "id", "", "id; made from the name if absent")
	f.StringVar(&trust, "trust", "", "key-only: a usable key is enough (default); allow-list: the supply point must be announced")
	f.StringVar(&policy, "policy", "", "what an attached meter that asks for something else gets: hold, same or replace")
	f.StringVar(&in.Commodity, "commodity", "", "electricity or gas; any if absent")
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) suppliersList() *cobra.Command {
	var q admin.Query
	cmd := &cobra.Command{
		Use: "list", Short: "List the suppliers", Args: args(0, ""),
		Long:    "List the suppliers.",
		Example: "  gridtie suppliers list\n  gridtie suppliers list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				page, err := c.Suppliers(cmd.Context(), q)
				if err != nil {
					return err
				}
				return a.answer(page, func() error {
					t := a.Table("Id", "Name", "Trust", "Policy", "Commodity", "Keys")
					for _, s := range page.Suppliers {
						t.Row(s.ID, s.Name, string(s.Trust), string(s.Policy), s.Commodity, a.Count(len(s.Keys)))
					}
					a.more(page.Next)
					return t.Flush()
				})
			})
		},
	}
	pageFlags(cmd, &q)
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) suppliersShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a supplier and its keys", Args: args(1, "the id of a supplier"),
		Long:              "Show a supplier and its keys: ids, validity and state.",
		Example:           "  gridtie suppliers show acme\n  gridtie suppliers show acme --json",
		ValidArgsFunction: a.names(supplierIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				s, err := c.Supplier(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.answer(s, func() error {
					a.field("supplier", s.ID)
					a.field("name", s.Name)
					a.field("trust", string(s.Trust))
					a.field("policy", string(s.Policy))
					a.field("commodity", s.Commodity)
					t := a.Table("Key", "State", "Valid from", "Valid until", "Created")
					for _, k := range s.Keys {
						until := a.Time(k.NotAfter)
						if a.Terminal && !k.NotAfter.IsZero() {
							until = a.until(k.NotAfter)
						}
						t.Row(k.ID, k.State, a.Time(k.NotBefore), until, a.Time(k.Created))
					}
					return t.Flush()
				})
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) suppliersAddKey() *cobra.Command {
	var in admin.NewKey
	var file, notBefore, notAfter string
	var generate bool
	cmd := &cobra.Command{
		Use: "add-key ID", Short: "Give a supplier a key", Args: args(1, "the id of a supplier"),
		Long: "Give a supplier a key, generated here or read from a file; never from an argument, where others could see it.\n" +
			"A generated key is printed once.",
		Example: "  gridtie suppliers add-key acme --generate --not-after 2027-06-30\n" +
			"  printf '%s' \"$KEY\" | gridtie suppliers add-key acme --key-file -",
		ValidArgsFunction: a.names(supplierIDs),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if generate == (file != "") {
				return &usageError{errors.New("give either --generate or --key-file FILE")}
			}
			if in.NotBefore, err = moment("not-before", notBefore, false); err != nil {
				return err
			}
			if in.NotAfter, err = moment("not-after", notAfter, true); err != nil {
				return err
			}
			if file != "" {
				if in.Key, err = a.readSecret(file); err != nil {
					return err
				}
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				k, err := c.AddKey(cmd.Context(), args[0], in)
				if err != nil {
					return err
				}
				return a.answer(k, func() error { return a.showNewKey(k) })
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&generate, "generate", false, "make a key and print it once")
	f.StringVar(&file, "key-file", "", "file with the key, - for standard input")
	f.StringVar(&notBefore, "not-before", "", "first day or moment of its validity (UTC), such as 2026-07-01 or 2026-07-01T12:00:00Z")
	f.StringVar(&notAfter, "not-after", "", "last day of its validity, or the moment at which it ends (UTC)")
	f.StringSliceVar(&in.Scope.Grids, "grid", nil, "only for this grid and what lies below it; repeatable")
	f.StringSliceVar(&in.Scope.Prefixes, "prefix", nil, "only for supply points whose digits begin so, such as 0021; repeatable")
	f.IntVar(&in.MaxAttachments, "max-attachments", 0, "meters that may be attached with it; 0 for any number")
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) showNewKey(k admin.AddedKey) error {
	until := "valid without end"
	if !k.NotAfter.IsZero() {
		until = "valid until " + a.until(k.NotAfter)
	}
	if k.Secret == "" {
		a.say("Key %s for %s, %s. Stored only as a keyed hash.", k.ID, k.Supplier, until)
		return nil
	}
	if !a.Terminal { // a script wants the key and nothing else on standard output
		a.talk("Key %s for %s, %s. Shown once, stored only as a keyed hash.", k.ID, k.Supplier, until)
		a.say("%s", k.Secret)
		return nil
	}
	a.say("Key %s for %s, %s. Shown once, stored only as a keyed hash:\n\n  %s\n", k.ID, k.Supplier, until, k.Secret)
	return nil
}

func (a *app) suppliersRevokeKey() *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke-key KEY-ID", Short: "Refuse a key from now on", Args: args(1, "the id of a key"),
		Long:              "Refuse a key from now on, whatever its validity. What was attached with it stays attached.",
		Example:           "  gridtie suppliers revoke-key k-01J9XW\n  gridtie suppliers revoke-key k-01J9XW --json",
		ValidArgsFunction: a.names(keyIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				k, err := c.RevokeKey(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.answer(k, func() error {
					a.say("Key %s of %s is refused since %s. What was attached with it stays attached.",
						k.ID, k.Supplier, a.Time(k.Revoked))
					return nil
				})
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

// maxSecret is the largest secret read from a file, in bytes.
const maxSecret = 4096

// readSecret reads a secret from a file, or from standard input for "-". The line end that editors and echo add is cut.
func (a *app) readSecret(file string) (string, error) {
	from := a.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("reading the secret: %w", err)
		}
		defer func() { _ = f.Close() }()
		from = f
	}
	raw, err := io.ReadAll(io.LimitReader(from, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("reading the secret: %w", err)
	}
	if len(raw) > maxSecret {
		return "", fmt.Errorf("reading the secret: it has more than %d bytes", maxSecret)
	}
	text := strings.TrimSpace(string(raw))
	if text == "" {
		return "", &failure{fmt.Errorf("reading the secret: %q holds none", file), "an empty variable in the shell gives an empty secret"}
	}
	return text, nil
}

// moment reads a day or a time. The last day of a span counts in full.
func moment(flag, text string, last bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		if last {
			day = day.AddDate(0, 0, 1)
		}
		return day, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, &usageError{fmt.Errorf("--%s %q is neither a day like 2027-06-30 nor a time like 2027-06-30T12:00:00Z", flag, text)}
	}
	return t.UTC(), nil
}
