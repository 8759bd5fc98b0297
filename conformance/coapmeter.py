"""A meter of aiocoap.

meter BASE KEY SECRET: it asks for credentials, observes its attributes, says whose it is, and hears what came of it.
callee BASE TOKEN: it says "ready", waits for a call, and answers it with what it was asked.
"""

import asyncio
import json
import sys

from aiocoap import GET, POST, Context, Message


async def meter(base, key, secret):
    context = await Context.create_client_context()

    async def post(path, body):
        return await context.request(Message(code=POST, uri=f"{base}{path}", payload=json.dumps(body).encode())).response

    answer = await post(
        "/api/v1/provision",
        {"deviceName": "meter-a", "provisionDeviceKey": key, "provisionDeviceSecret": secret},
    )
    given = json.loads(answer.payload)
    token = given["credentialsValue"]

    watch = context.request(Message(code=GET, uri=f"{base}/api/v1/{token}/attributes", observe=0))
    first = (await watch.response).payload.decode()
    heard = asyncio.get_running_loop().create_future()

    async def hear():
        async for message in watch.observation:
            heard.set_result(json.loads(message.payload)["attachment"]["outcome"])
            return

    hearing = asyncio.create_task(hear())
    posted = await post(f"/api/v1/{token}/attributes", {"supplierKey": "000712", "CUPS": "ES0022000000000001FB"})
    read = await context.request(Message(code=GET, uri=f"{base}/api/v1/{token}/attributes?sharedKeys=attachment")).response
    outcome = json.loads(read.payload)["shared"]["attachment"]["outcome"]
    print(given["status"], posted.code.dotted, outcome, first, await asyncio.wait_for(heard, 20))
    await hearing
    watch.observation.cancel()
    await context.shutdown()


async def callee(base, token):
    context = await Context.create_client_context()
    watch = context.request(Message(code=GET, uri=f"{base}/api/v1/{token}/rpc", observe=0))
    first = await watch.response
    print("ready", first.code.dotted, flush=True)
    async for message in watch.observation:
        call = json.loads(message.payload)
        answer = json.dumps({"asked": call["method"], "with": call["params"]}).encode()
        uri = f"{base}/api/v1/{token}/rpc/{call['id']}"
        print((await context.request(Message(code=POST, uri=uri, payload=answer)).response).code.dotted, flush=True)
        break
    watch.observation.cancel()
    await context.shutdown()


asyncio.run({"meter": meter, "callee": callee}[sys.argv[1]](*sys.argv[2:]))
