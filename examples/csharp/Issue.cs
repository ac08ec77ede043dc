// Issue a result, fetch the document, verify it; .NET 8 and nothing else:
// ESIGN_URL=… ESIGN_AGENCY=… ESIGN_TOKEN=… dotnet run -- request.json KEY
// KEY names the request in the portal: however often this runs with it, one document is issued.
// Not run by the project's tests: no .NET on its machines. It does what examples/java/Issue.java does, which is run.
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;

string agency = $"{Environment.GetEnvironmentVariable("ESIGN_URL")}/v1/agencies/{Environment.GetEnvironmentVariable("ESIGN_AGENCY")}";
using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Environment.GetEnvironmentVariable("ESIGN_TOKEN"));

byte[] wanted = await File.ReadAllBytesAsync(args[0]);
using HttpResponseMessage issued = await Send(() =>
{
    var request = new HttpRequestMessage(HttpMethod.Post, $"{agency}/results") { Content = new ByteArrayContent(wanted) };
    request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
    request.Headers.Add("Idempotency-Key", args[1]);
    return request;
});
if (issued.StatusCode != HttpStatusCode.Created)
{
    Console.Error.WriteLine($"HTTP {(int)issued.StatusCode}: {await issued.Content.ReadAsStringAsync()}");
    return 1;
}
using JsonDocument result = JsonDocument.Parse(await issued.Content.ReadAsByteArrayAsync());
string id = result.RootElement.GetProperty("id").GetString()!;

using HttpResponseMessage answer = await Send(() => new HttpRequestMessage(HttpMethod.Get, $"{agency}/results/{id}/document"));
byte[] pdf = await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync();
if (answer.Headers.ETag?.Tag != $"\"{Convert.ToHexString(SHA256.HashData(pdf)).ToLowerInvariant()}\"")
{
    throw new InvalidDataException("the document is not the one announced");
}
await File.WriteAllBytesAsync($"{id}.pdf", pdf);

using HttpResponseMessage verified = await Send(() =>
{
    var request = new HttpRequestMessage(HttpMethod.Post, $"{agency}/verifications") { Content = new ByteArrayContent(pdf) };
    request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/pdf");
    request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
    return request;
});
using JsonDocument report = JsonDocument.Parse(await verified.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync());
Console.WriteLine($"{result.RootElement.GetProperty("number").GetString()} {id}.pdf {report.RootElement.GetProperty("integrity").GetString()}");
return 0;

// Sends the same again while the service says "later", or nothing can be heard of it; never on other refusals.
async Task<HttpResponseMessage> Send(Func<HttpRequestMessage> make)
{
    DateTime until = DateTime.UtcNow.AddSeconds(60);
    for (double limit = 250; ; limit = Math.Min(limit * 2, 10_000))
    {
        TimeSpan pause = TimeSpan.FromMilliseconds(Random.Shared.NextDouble() * limit);
        try
        {
            HttpResponseMessage response = await http.SendAsync(make());
            if (!await Later(response))
            {
                return response;
            }
            pause += response.Headers.RetryAfter?.Delta ?? TimeSpan.Zero;
            if (DateTime.UtcNow + pause > until)
            {
                return response;
            }
            response.Dispose();
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            if (DateTime.UtcNow + pause > until)
            {
                throw;
            }
        }
        await Task.Delay(pause);
    }
}

static async Task<bool> Later(HttpResponseMessage response)
{
    switch ((int)response.StatusCode)
    {
        case 429 or 502 or 503 or 504:
            return true;
        case 409:
            using (JsonDocument problem = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync()))
            {
                return problem.RootElement.GetProperty("code").GetString()!.EndsWith("in-flight", StringComparison.Ordinal);
            }
        default:
            return false;
    }
}
