// mqttjs.js 4|5 [ws]: a meter of MQTT.js that speaks MQTT 3.1.1 or 5, over TCP or websockets. Its task and the lines it prints
// are those of task.py.
const fs = require('fs')
const mqtt = require('mqtt')

const version = Number(process.argv[2])
const websockets = process.argv[3] === 'ws'
const task = JSON.parse(fs.readFileSync(0, 'utf8'))
const me = 'v1/devices/me/'

const told = (step, value = true) => console.log(step + ' ' + JSON.stringify(value))
const sent = (what) => console.error('sent ' + what)

// Nothing here takes longer than this.
const patience = setTimeout(() => {
  console.error('not done in 40 s')
  process.exit(1)
}, 40000)

// A place for one thing that an event brings.
function box() {
  let put
  const come = new Promise((resolve) => { put = resolve })
  return { put, come }
}

async function connect(username) {
  const url = websockets ? task.http.replace('http', 'ws') + '/mqtt' : 'mqtt://' + task.host + ':' + task.port
  const client = await mqtt.connectAsync(url, { protocolVersion: version, username, reconnectPeriod: 0 }, false)
  told('connected', client.connected)
  return client
}

async function publish(client, topic, body) {
  sent(topic)
  await client.publishAsync(topic, JSON.stringify(body), { qos: 1 })
}

async function provision() {
  const nobody = await connect('provision')
  const given = box()
  nobody.on('message', (topic, payload) => given.put(JSON.parse(payload)))
  await nobody.subscribeAsync('/provision/response')
  await publish(nobody, '/provision/request', {
    deviceName: task.name,
    provisionDeviceKey: task.key,
    provisionDeviceSecret: task.secret
  })
  const answer = await given.come
  await nobody.endAsync()
  told('provisioned', answer.status)
  return answer.credentialsValue
}

async function meter() {
  const client = await connect(await provision())
  const read = box(), replied = box(), pushed = box(), called = box()
  client.on('message', (topic, payload) => {
    const body = JSON.parse(payload)
    topic = topic.slice(me.length)
    if (topic === 'attributes') {
      if ('tariff' in body) {
        told('pushed', body)
        pushed.put(body)
      }
    } else if (topic.startsWith('attributes/response/')) {
      read.put(body)
    } else if (topic.startsWith('rpc/response/')) {
      replied.put(body)
    } else if (body.method === 'hello') {
      told('greeted')
    } else {
      told('called', body)
      publish(client, me + topic.replace('request', 'response'), { asked: body.method, with: body.params }).then(called.put)
    }
  })
  await client.subscribeAsync(['attributes', 'attributes/response/+', 'rpc/request/+', 'rpc/response/+'].map((t) => me + t), { qos: 1 })
  await publish(client, me + 'attributes', { supplierKey: task.supplierKey, CUPS: task.cups })
  await publish(client, me + 'attributes/request/1', { sharedKeys: 'attachment' })
  told('read', await read.come)
  await publish(client, me + 'rpc/request/1', { method: 'read', params: { register: 7 } })
  told('replied', await replied.come)
  told('ready')
  await pushed.come
  await called.come
  await client.endAsync()
  told('done')
  clearTimeout(patience)
}

meter().catch((e) => {
  console.error(String(e))
  process.exit(1)
})
