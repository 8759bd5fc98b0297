"""A meter of gmqtt, which speaks MQTT 5 and has itself provisioned under the client id "provision": see task.

This is how the rewrite of ThingsBoard's client, which stands on gmqtt, goes about it.
"""

import asyncio
import json

from task import PATIENCE, answer_to, attributes, greeted, question, request, sent, task, told
from gmqtt import Client
from gmqtt import Subscription

ME = "v1/devices/me/"
PLACES = ("given", "decided", "read", "replied", "pushed", "called")


async def connect(client, on_message, *topics):
    """Connects, and subscribes."""
    subscribed = asyncio.get_running_loop().create_future()
    client.on_message = on_message
    client.on_subscribe = lambda client, mid, granted, properties: subscribed.set_result(granted)
    await client.connect(task["host"], task["port"])
    told("connected", client.is_connected)
    client.subscribe([Subscription(topic, qos=1) for topic in topics])
    await asyncio.wait_for(subscribed, PATIENCE)


async def meter():
    loop = asyncio.get_running_loop()
    place = {name: loop.create_future() for name in PLACES}

    def on_answer(client, topic, payload, qos, properties):
        place["given"].set_result(json.loads(payload))
        return 0

    def on_message(client, topic, payload, qos, properties):
        body, topic = json.loads(payload), topic[len(ME) :]
        if topic == "attributes":
            if "attachment" in body:
                place["decided"].set_result(body)
            elif not place["pushed"].done():
                told("pushed", body)
                place["pushed"].set_result(body)
        elif topic.startswith("attributes/response/"):
            place["read"].set_result(body)
        elif topic.startswith("rpc/response/"):
            place["replied"].set_result(body)
        elif not greeted(body):
            told("called", body)
            client.publish(ME + topic.replace("request", "response"), answer_to(body), qos=1)
            place["called"].set_result(body)
        return 0

    async def come(name):
        return await asyncio.wait_for(place[name], PATIENCE)

    nobody = Client("provision")
    await connect(nobody, on_answer, "/provision/response")
    sent("/provision/request")
    nobody.publish("/provision/request", request, qos=1)
    answer = await come("given")
    await nobody.disconnect()
    told("provisioned", answer["status"])

    client = Client("")
    client.set_auth_credentials(answer["credentialsValue"])
    await connect(
        client,
        on_message,
        ME + "attributes",
        ME + "attributes/response/+",
        ME + "rpc/request/+",
        ME + "rpc/response/+",
    )
    sent("attributes")
    client.publish(ME + "attributes", attributes, qos=1)
    await come("decided")  # gmqtt does not tell of acknowledgements
    client.publish(ME + "attributes/request/1", {"sharedKeys": "attachment"}, qos=1)
    told("read", await come("read"))
    sent("question", question)
    client.publish(ME + "rpc/request/1", question, qos=1)
    told("replied", await come("replied"))
    told("ready")
    await come("pushed")
    await come("called")
    await client.disconnect()
    told("done")


asyncio.run(meter())
