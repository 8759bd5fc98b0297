package main

import (
	"fmt"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/internal/settings"
)

// The variables that stand for the flags of copy.
const (
	copyFromVariable = "GRIDTIE_COPY_FROM"
	copyToVariable   = "GRIDTIE_COPY_TO"
)

func (a *app) copy() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "copy", Short: "Copy all that is known from one store to another", Args: args(0, ""),
		Long: "Copy all that is known from one store to another: from a data folder to a PostgreSQL database, back, or from one\n" +
			"to another of the same kind. No server may run on either, and the target must be empty.\n\n" +
			"A place is the path of a data folder or an address, postgres://USER@HOST:PORT/DATABASE. An address with a password\n" +
			"in it is taken from the variables " + copyFromVariable + " and " + copyToVariable + ". Without either, the source is the data\n" +
			"folder and the target the setting store, wherever these are set.\n\n" +
			"The copy is read again and compared byte for byte. Until that is done the target is marked, and no server opens\n" +
			"it; a copy that was interrupted begins anew when it is run once more. Server keys are not copied: the target\n" +
			"opens with the server key of the source.",
		Example: "  gridtie copy --from /var/lib/gridtie --to postgres://gridtie@db.example/grid\n" +
			"  gridtie copy --from postgres://gridtie@db.example/grid --to /var/lib/gridtie",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := server.CopyOptions{Logger: a.logger(settings.Settings{LogFormat: "auto"}, zerolog.WarnLevel)}
			s, _, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if o.From, err = a.place("from", from, copyFromVariable, server.Place{Folder: s.Data}); err != nil {
				return err
			}
			if o.To, err = a.place("to", to, copyToVariable, server.Place{Store: s.Store}); err != nil {
				return err
			}
			return a.runCopy(cmd, o)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&from, "from", "", "data folder or address to copy from; the setting data if empty")
	cmd.Flags().StringVar(&to, "to", "", "data folder or address to copy to; the setting store if empty")
	a.jsonFlag(cmd)
	return cmd
}

// place is what a flag, or else its variable, or else the settings name.
func (a *app) place(flag, given, variable string, other server.Place) (p server.Place, err error) {
	text, err := a.storeAddress(flag, given, variable)
	switch {
	case err != nil:
		return p, err
	case text == "" && other.Folder == "" && other.Store.IsZero():
		return p, &usageError{&failure{
			fmt.Errorf("nothing says where to copy %s", flag),
			"--" + flag + " or " + variable + " names a data folder or an address",
		}}
	case text == "":
		return other, nil
	case !settings.IsStoreAddress(text):
		return server.Place{Folder: text}, nil
	}
	if p.Store, err = settings.StoreAddress(text); err != nil {
		return p, &usageError{fmt.Errorf("what to copy %s %w", flag, err)}
	}
	return p, nil
}

func (a *app) runCopy(cmd *cobra.Command, o server.CopyOptions) error {
	bars := newBars(a)
	bars.title(fmt.Sprintf("copying %s to %s", o.From, o.To))
	o.Step = func(done, total int) { bars.step("copy", done, total) }
	r, err := server.Copy(cmd.Context(), o)
	bars.end()
	if err != nil {
		return err
	}
	return a.answer(r, func() error {
		if !a.Terminal {
			a.say("rows\t%d\nbytes\t%d\nseconds\t%.3f", r.Rows, r.Bytes, r.Seconds)
			return nil
		}
		a.say("Copied and compared: %s rows, %s bytes.", a.Count(r.Rows), a.Count(int(r.Bytes)))
		a.say("The copy opens with the server key of %s, and with no other: keep that key with it.", o.From)
		if o.To.Store.IsZero() {
			a.say("\nNext: gridtie serve --data %s", o.To)
		} else {
			a.say("\nNext: gridtie serve --store %s", o.To)
		}
		return nil
	})
}
