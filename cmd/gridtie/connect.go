package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/internal/settings"
)

// patience is how long a command waits for a server that has taken the folder but does not answer yet: it is starting.
const patience = 3 * time.Second

// withAdmin calls do with a client of the server that runs on the data folder, or, when none runs, of the same API in
// this process.
func (a *app) withAdmin(cmd *cobra.Command, do func(c *admin.Client) error) error {
	s, _, err := a.settings(cmd)
	if err != nil {
		return err
	}
	if !folder.Exists(s.Data) {
		return &failure{
			fmt.Errorf("there is no data folder %q", s.Data),
			"gridtie serve makes it; --data names another one",
		}
	}
	for give := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		c, closeClient, err := a.connect(cmd, s)
		switch {
		case err == nil:
			err := do(c)
			closeClient()
			return err
		case !errors.Is(err, folder.ErrLocked):
			return err
		case cmd.Context().Err() != nil:
			return cmd.Context().Err()
		case time.Now().After(give):
			return &failure{
				fmt.Errorf("the data folder %q belongs to a process that does not answer on its admin socket", s.Data),
				"if it is another command, wait for it to end; if it is a server, see its log",
			}
		}
	}
}

// connect asks the socket first, then takes the folder.
func (a *app) connect(cmd *cobra.Command, s settings.Settings) (*admin.Client, func(), error) {
	conn, err := folder.Dial(s.Data)
	if err == nil {
		_ = conn.Close()
		return admin.Over(func() (net.Conn, error) { return folder.Dial(s.Data) }), func() {}, nil
	}
	var tooLong *folder.PathError
	if errors.As(err, &tooLong) {
		return nil, nil, err
	}
	local, err := server.OpenLocal(cmd.Context(), a.serverOptions(s, a.logger(s, max(s.LogLevel, zerolog.WarnLevel))))
	if err != nil {
		return nil, nil, err
	}
	return admin.Local(local.Handler()), func() {
		if err := local.Close(); err != nil {
			a.talk("gridtie: closing the data folder: %v", err)
		}
	}, nil
}

// names completes an argument with what list gives. It says nothing when there is no server and no folder.
func (a *app) names(list func(cmd *cobra.Command, c *admin.Client) ([]string, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var found []string
		err := a.withAdmin(cmd, func(c *admin.Client) (err error) {
			found, err = list(cmd, c)
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

func deviceNames(cmd *cobra.Command, c *admin.Client) ([]string, error) {
	page, err := c.Devices(cmd.Context(), admin.Query{Limit: 1000})
	var names []string
	for _, d := range page.Devices {
		names = append(names, d.Name)
	}
	return names, err
}

func supplierIDs(cmd *cobra.Command, c *admin.Client) ([]string, error) {
	page, err := c.Suppliers(cmd.Context(), admin.Query{Limit: 1000})
	var ids []string
	for _, s := range page.Suppliers {
		ids = append(ids, s.ID+"\t"+s.Name)
	}
	return ids, err
}

func keyIDs(cmd *cobra.Command, c *admin.Client) ([]string, error) {
	page, err := c.Suppliers(cmd.Context(), admin.Query{Limit: 1000})
	var ids []string
	for _, s := range page.Suppliers {
		for _, k := range s.Keys {
			ids = append(ids, k.ID+"\t"+s.Name+", "+k.State)
		}
	}
	return ids, err
}

func profileNames(cmd *cobra.Command, c *admin.Client) ([]string, error) {
	list, err := c.Profiles(cmd.Context())
	var names []string
	for _, p := range list.Profiles {
		names = append(names, p.Name)
	}
	return names, err
}
