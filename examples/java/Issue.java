import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Issue a result, fetch the document, verify it; Java 17 and nothing else:
 * {@code ESIGN_URL=… ESIGN_AGENCY=… ESIGN_TOKEN=… java Issue.java request.json KEY}.
 *
 * <p>KEY names the request in the portal: however often this runs with it, one document is issued.
 */
public final class Issue {
    private static final Duration WITHIN = Duration.ofSeconds(60);

    private final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private final String agency;
    private final String token;

    private Issue(String agency, String token) {
        this.agency = agency;
        this.token = token;
    }

    public static void main(String[] args) throws Exception {
        String agency = System.getenv("ESIGN_URL") + "/v1/agencies/" + System.getenv("ESIGN_AGENCY");
        Issue service = new Issue(agency, System.getenv("ESIGN_TOKEN"));

        HttpRequest issue = service.request("/results")
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", args[1])
                .POST(BodyPublishers.ofByteArray(Files.readAllBytes(Path.of(args[0]))))
                .build();
        HttpResponse<byte[]> issued = service.send(issue);
        if (issued.statusCode() != 201) {
            System.err.println("HTTP " + issued.statusCode() + ": " + text(issued));
            System.exit(1);
        }
        String id = member(text(issued), "id");

        HttpResponse<byte[]> document = service.send(service.request("/results/" + id + "/document").build());
        String digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(document.body()));
        if (!document.headers().firstValue("ETag").orElse("").equals('"' + digest + '"')) {
            throw new IOException("the document is not the one announced");
        }
        Path target = Path.of(id + ".pdf");
        Files.write(target, document.body());

        HttpRequest verify = service.request("/verifications")
                .header("Content-Type", "application/pdf")
                .header("Accept", "application/json")
                .POST(BodyPublishers.ofFile(target))
                .build();
        String report = text(service.send(verify));
        System.out.println(member(text(issued), "number") + " " + target + " " + member(report, "integrity"));
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(agency + path))
                .header("Authorization", "Bearer " + token)
                .timeout(Duration.ofSeconds(30));
    }

    /** Sends the same again while the service says "later", or nothing can be heard of it; never on other refusals. */
    private HttpResponse<byte[]> send(HttpRequest request) throws IOException, InterruptedException {
        Instant until = Instant.now().plus(WITHIN);
        for (long limit = 250; ; limit = Math.min(limit * 2, 10_000)) {
            long pause = ThreadLocalRandom.current().nextLong(limit);
            HttpResponse<byte[]> response = null;
            IOException failure = null;
            try {
                response = http.send(request, BodyHandlers.ofByteArray());
                if (!later(response)) {
                    return response;
                }
                pause += 1000 * response.headers().firstValueAsLong("Retry-After").orElse(0);
            } catch (IOException e) {
                failure = e;
            }
            if (Instant.now().plusMillis(pause).isAfter(until)) {
                if (failure != null) {
                    throw failure;
                }
                return response;
            }
            Thread.sleep(pause);
        }
    }

    private static boolean later(HttpResponse<byte[]> response) {
        return switch (response.statusCode()) {
            case 429, 502, 503, 504 -> true;
            case 409 -> member(text(response), "code").endsWith("in-flight");
            default -> false;
        };
    }

    private static String text(HttpResponse<byte[]> response) {
        return new String(response.body(), java.nio.charset.StandardCharsets.UTF_8);
    }

    /** A string member of a JSON object; a portal uses its JSON library. */
    private static String member(String json, String name) {
        Matcher found = Pattern.compile('"' + name + "\":\\s*\"([^\"]*)\"").matcher(json);
        return found.find() ? found.group(1) : "";
    }
}
