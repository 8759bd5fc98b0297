package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/internal/terminal"
)

func (p *planted) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *planted) connect(client, user, password string) (mqtt.Client, error) {
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(p.mqtt).SetClientID(client).SetUsername(user).SetPassword(password).
		SetProtocolVersion(4).SetAutoReconnect(false).SetConnectTimeout(limit))
	t := c.Connect()
	t.WaitTimeout(limit)
	return c, t.Error()
}

// post sends one message on a connection of its own: a bad one ends it.
func (p *planted) post(user, topic, payload string) {
	p.t.Helper()
	c, err := p.connect("c", user, "")
	p.must(err)
	defer c.Disconnect(0)
	if !c.Publish(topic, 1, false, payload).WaitTimeout(limit) {
		p.t.Fatalf("%s: neither acknowledged nor closed", payload)
	}
}

func (p *planted) provision(request map[string]string) {
	p.t.Helper()
	text, err := json.Marshal(request)
	p.must(err)
	c, err := p.connect("c", "provision", "")
	p.must(err)
	defer c.Disconnect(0)
	answered := make(chan string, 1)
	c.Subscribe("/provision/response", 1, func(_ mqtt.Client, m mqtt.Message) { answered <- string(m.Payload()) }).WaitTimeout(limit)
	c.Publish("/provision/request", 1, false, text).WaitTimeout(limit)
	select {
	case answer := <-answered:
		if !strings.Contains(answer, "SUCCESS") { // else it holds what the device is to log in with
			p.seen[fmt.Sprint("provisioning answer ", len(p.seen))] = answer
		}
	case <-time.After(limit):
		p.t.Fatal("provisioning: no answer")
	}
}

// ask sends the API a request; the path "metrics" means what stands at the TCP address.
func (p *planted) ask(method, path, body string) {
	p.t.Helper()
	url, where := "http://admin"+path, fmt.Sprintf("%s %s, answer %d", method, path, len(p.seen))
	transport := &http.Transport{
		DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return folder.Dial(p.data) },
	}
	if path == "metrics" {
		url, where, transport.DialContext = "http://"+p.server.Addresses()["admin"]+"/metrics", path, nil
	}
	c := &http.Client{Transport: transport}
	req, err := http.NewRequestWithContext(p.t.Context(), method, url, strings.NewReader(body))
	p.must(err)
	res, err := c.Do(req)
	p.must(err)
	text, err := io.ReadAll(res.Body)
	p.must(err)
	_ = res.Body.Close()
	if res.StatusCode >= 500 {
		p.t.Errorf("%s %s: got %d %s", method, path, res.StatusCode, text)
	}
	p.seen[where] = string(text)
}

func (p *planted) command(person bool, words ...string) {
	var out bytes.Buffer
	run(words, &terminal.Streams{In: strings.NewReader(""), Out: &out, Err: &out, Terminal: person, Width: 400}, func(name string) (string, bool) {
		return p.data, name == "GRIDTIE_DATA"
	})
	// A person who types a supply point gets it back in a refusal; what the server says of it is masked.
	p.seen[fmt.Sprintf("gridtie %s, %d", strings.Join(words, " "), len(p.seen))] = out.String()
}

// stored is every byte in the data folder.
func (p *planted) stored() (all []byte) {
	p.must(filepath.WalkDir(p.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, text...)
		return err
	}))
	return all
}
