// Receive webhooks (Standard Webhooks); .NET 8 and nothing else:
// ESIGN_WEBHOOK_SECRETS='whsec_…' dotnet run -- PORT, two secrets while one is replaced.
// The signature is over the bytes that came, an id that was seen is dropped, and the answer comes at once.
// Not run by the project's tests: no .NET on its machines. It does what examples/java/ReceiveWebhooks.java does.
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;

byte[][] secrets = Environment.GetEnvironmentVariable("ESIGN_WEBHOOK_SECRETS")!.Split(' ')
    .Select(secret => Convert.FromBase64String(secret.Replace("whsec_", "")))
    .ToArray();
var seen = new ConcurrentDictionary<string, bool>(); // a portal keeps these in its database
using var listener = new HttpListener();
listener.Prefixes.Add($"http://127.0.0.1:{args[0]}/");
listener.Start();
while (true)
{
    HttpListenerContext context = await listener.GetContextAsync();
    using var memory = new MemoryStream();
    await context.Request.InputStream.CopyToAsync(memory);
    context.Response.StatusCode = Take(context.Request, memory.ToArray()) ? 204 : 400;
    context.Response.Close();
}

bool Take(HttpListenerRequest request, byte[] body)
{
    string? id = request.Headers["webhook-id"], timestamp = request.Headers["webhook-timestamp"];
    string? signatures = request.Headers["webhook-signature"];
    if (id is null || signatures is null || !long.TryParse(timestamp, out long sent))
    {
        Console.WriteLine("no webhook");
        return false;
    }
    byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
    bool known = false;
    foreach (byte[] secret in secrets)
    {
        byte[] expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, signed)));
        foreach (string given in signatures.Split(' '))
        {
            known |= CryptographicOperations.FixedTimeEquals(expected, Encoding.UTF8.GetBytes(given));
        }
    }
    if (!known || Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - sent) > 300)
    {
        Console.WriteLine(known ? "too old" : "not signed");
        return false;
    }
    if (seen.TryAdd(id, true))
    {
        Console.WriteLine(Encoding.UTF8.GetString(body));
    }
    return true;
}
