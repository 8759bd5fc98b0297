package main

const (
	milli = 1e3 // in a second
	nano  = 1e9
)

// pictures are the curves that have been measured, by the name of the file.
func (c *curves) pictures() map[string]*picture {
	all := map[string]*picture{}
	if n := len(c.Devices); n > 1 {
		all["devices"] = c.devices()
	}
	if n := len(c.Suppliers); n > 1 {
		all["suppliers"] = flowPicture("Attaching among 10 to 100,000 suppliers", "suppliers", c.Suppliers, &budget{0.8, 1.2, "within 20 %"}, false)
	}
	if n := len(c.InFlight); n > 1 {
		all["in-flight"] = flowPicture("Attaching with 1 to 10,000 messages in flight", "messages in flight", c.InFlight, nil, true)
	}
	if n := len(c.Chain); n > 1 {
		all["chain"] = c.chain()
	}
	return all
}

func (c *curves) devices() *picture {
	points := make([]flowPoint, len(c.Devices))
	for i, d := range c.Devices {
		points[i] = flowPoint{N: d.Devices, Rate: d.Rate, CPU: d.CPU, P50: d.P50, P99: d.P99}
	}
	return flowPicture("New meters while 1,000 to 1,000,000 devices are there", "devices in the folder", points, &budget{0.8, 1.2, "within 20 %"}, false)
}

// flowPicture draws rate and processor time beside those of the first size, so that they say something on other machines,
// and latencies.
func flowPicture(title, what string, points []flowPoint, goal *budget, logY bool) *picture {
	rate, cpu, p50, p99 := line{name: "rate"}, line{name: "processor time a message"}, line{name: "p50"}, line{name: "p99"}
	for _, p := range points {
		x := float64(p.N)
		rate.at = append(rate.at, point{x, p.Rate / points[0].Rate})
		cpu.at = append(cpu.at, point{x, p.CPU / points[0].CPU})
		p50.at = append(p50.at, point{x, p.P50 * milli})
		p99.at = append(p99.at, point{x, p.P99 * milli})
	}
	return &picture{title: title, panels: []panel{
		{x: what, y: "× that with " + number(float64(points[0].N)), lines: []line{rate, cpu}, budget: goal, logY: logY},
		{x: what, y: "message until it is on disk, ms", lines: []line{p50, p99}, logY: logY},
	}}
}

// chain draws what a node more costs, and what the whole message does.
func (c *curves) chain() *picture {
	node, whole := line{name: "a node more"}, line{name: "a message"}
	first, last := c.Chain[0], c.Chain[len(c.Chain)-1]
	for _, p := range c.Chain {
		x := float64(p.Nodes)
		whole.at = append(whole.at, point{x, p.Message * nano / 1e3})
		if p.Nodes >= 5 { // the difference of two small figures says nothing
			node.at = append(node.at, point{x, (p.Message - first.Message) / float64(p.Nodes-first.Nodes) * nano})
		}
	}
	mean := (last.Message - first.Message) / float64(last.Nodes-first.Nodes) * nano
	return &picture{title: "Chains of 1 to 1,000 nodes, in memory", panels: []panel{
		{x: "nodes of the chain", y: "processor time of a node more, ns", lines: []line{node}, budget: &budget{0.8 * mean, 1.2 * mean, "within 20 % of the last"}},
		{x: "nodes of the chain", y: "processor time of a message, µs", lines: []line{whole}, logY: true},
	}}
}
