package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/folder"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gridtie": main})
}

// TestScript runs testdata/script: each file is one behaviour, told as commands with what they print.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("GRIDTIE_DATA", "data")
			e.Setenv("GRIDTIE_MQTT", "127.0.0.1:0")
			e.Setenv("GRIDTIE_ADMIN", "127.0.0.1:0")
			e.Setenv("GRIDTIE_HTTP", "127.0.0.1:0")
			e.Setenv("GRIDTIE_COAP", "127.0.0.1:0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":      await,
			"terminate":  terminate,
			"provision":  provision,
			"attributes": attributes,
			"mode":       mode,
			"fetch":      fetch,
		},
	})
}

const limit = 20 * time.Second

// await FILE waits until the file is there: addresses.json means that the server is up.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
	}
	ts.Fatalf("%s did not come", args[0])
}

// terminate sends SIGTERM to the background commands.
func terminate(ts *testscript.TestScript, _ bool, _ []string) {
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGTERM))
	}
}

// mode FILE WANT checks a file's permissions.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := info.Mode().Perm().String(); got != args[1] {
		ts.Fatalf("mode of %s: got %s, want %s", args[0], got, args[1])
	}
}

func addresses(ts *testscript.TestScript) map[string]string {
	var all map[string]string
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("data/addresses.json")), &all))
	return all
}

// fetch PATH WORD… gets a path of the TCP address and looks for the words in it.
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	c, err := net.Dial("tcp", addresses(ts)["admin"])
	ts.Check(err)
	defer func() { _ = c.Close() }()
	_, err = c.Write([]byte("GET " + args[0] + " HTTP/1.0\r\n\r\n"))
	ts.Check(err)
	var b strings.Builder
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			break
		}
	}
	for _, word := range args[1:] {
		if !strings.Contains(b.String(), word) {
			ts.Fatalf("%s: got %q, want %q in it", args[0], b.String(), word)
		}
	}
}

// client connects to the server with these credentials.
func client(ts *testscript.TestScript, user string) mqtt.Client {
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addresses(ts)["mqtt"]).SetUsername(user).
		SetProtocolVersion(4).SetAutoReconnect(false).SetConnectTimeout(limit))
	if t := c.Connect(); !t.WaitTimeout(limit) || t.Error() != nil {
		ts.Fatalf("connecting as %s: %v", user, t.Error())
	}
	return c
}

// provision NAME TOKEN lets a device ask for credentials, and fails unless it gets that token; negated, unless it is refused.
func provision(ts *testscript.TestScript, refused bool, args []string) {
	data := ts.MkAbs("data")
	p, err := admin.Over(func() (net.Conn, error) { return folder.Dial(data) }).RevealProfile(context.Background(), "meters")
	ts.Check(err)
	c := client(ts, "provision")
	defer c.Disconnect(0)
	answers := make(chan string, 1)
	c.Subscribe("/provision/response", 1, func(_ mqtt.Client, m mqtt.Message) { answers <- string(m.Payload()) }).WaitTimeout(limit)
	request, err := json.Marshal(map[string]string{
		"deviceName": args[0], "token": args[1],
		"provisionDeviceKey": p.ProvisionKey, "provisionDeviceSecret": p.ProvisionSecret,
	})
	ts.Check(err)
	c.Publish("/provision/request", 1, false, request).WaitTimeout(limit)
	select {
	case got := <-answers:
		want := `"credentialsValue":"` + args[1] + `"`
		if refused {
			want = `"status":"FAILURE"`
		}
		if !strings.Contains(got, want) {
			ts.Fatalf("provisioning %s: got %s", args[0], got)
		}
	case <-time.After(limit):
		ts.Fatalf("provisioning %s: no answer", args[0])
	}
}

// attributes TOKEN PAYLOAD sends attributes, and returns when they are acknowledged; negated, when the connection is closed
// instead.
func attributes(ts *testscript.TestScript, refused bool, args []string) {
	c := client(ts, args[0])
	defer c.Disconnect(0)
	if t := c.Publish("v1/devices/me/attributes", 1, false, args[1]); !t.WaitTimeout(limit) || (t.Error() != nil) != refused {
		ts.Fatalf("sending attributes: %v", t.Error())
	}
}
