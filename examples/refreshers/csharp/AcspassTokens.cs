// Fresh tokens from a running `acspass serve`, for Azure.Communication.Common. Copy this file.
// It needs .NET 6 or newer. It is not compiled here: tell us where it does not fit your SDK.
//
//   using var tokens = new AcspassTokens();
//   var options = new CommunicationTokenRefreshOptions(refreshProactively: true, tokens.Get)
//   {
//       AsyncTokenRefresher = tokens.GetAsync,
//       InitialToken = await tokens.GetAsync(CancellationToken.None),
//   };
//   using var credential = new CommunicationTokenCredential(options);
//
// The first token is asked for here, so that a missing sign-in is an exception of that line: the
// SDK swallows what its own timer meets.

#nullable enable

using System;
using System.IO;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

/// <summary>Why there is no token; Kind is one of acspass's, such as "unreachable".</summary>
public class AcspassException : Exception
{
    public AcspassException(string kind, string message, Exception? cause = null)
        : base(message, cause) => Kind = kind;

    public string Kind { get; }
}

/// <summary>Somebody has to sign in: <c>acspass login</c>.</summary>
public sealed class SignInNeededException : AcspassException
{
    public SignInNeededException(string message) : base("sign_in_needed", message) { }
}

/// <summary>
/// What <c>CommunicationTokenRefreshOptions</c> takes as its refreshers. Where the service is, and
/// where its secret lies, comes from the environment that <c>acspass exec</c> makes.
/// </summary>
public sealed class AcspassTokens : IDisposable
{
    // The SDK wants another token ten minutes before the end, and at once where it is given one that
    // has no more than that.
    private const string MinValidity = "15m";

    // The service's address is on this machine: no proxy, and no other address, is to have its secret.
    private readonly HttpClient _http = new(new HttpClientHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
    })
    { Timeout = TimeSpan.FromSeconds(60) };

    private readonly Uri _address;
    private readonly string _secretFile;

    public AcspassTokens(string? account = null, string? url = null, string? secretFile = null)
    {
        url ??= Wanted("ACSPASS_SERVE_URL");
        _secretFile = secretFile ?? Wanted("ACSPASS_SERVE_SECRET_FILE");
        var whose = account is null ? "" : $"&account={Uri.EscapeDataString(account)}";
        _address = new Uri($"{url}/token?min-validity={MinValidity}{whose}");
    }

    public string Get(CancellationToken cancellation) =>
        Task.Run(() => GetAsync(cancellation).AsTask(), cancellation).GetAwaiter().GetResult();

    public async ValueTask<string> GetAsync(CancellationToken cancellation)
    {
        try
        {
            // Every run of the service has another one.
            var secret = await File.ReadAllTextAsync(_secretFile, cancellation).ConfigureAwait(false);
            using var request = new HttpRequestMessage(HttpMethod.Get, _address);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", secret.Trim());
            using var answer = await _http.SendAsync(request, cancellation).ConfigureAwait(false);
            var text = await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
            using var body = JsonDocument.Parse(text);
            if (answer.IsSuccessStatusCode)
            {
                return body.RootElement.GetProperty("token").GetString()!;
            }
            var error = body.RootElement.GetProperty("error");
            var kind = error.GetProperty("kind").GetString()!;
            var message = $"{error.GetProperty("message")}: {error.GetProperty("hint")}";
            throw kind == "sign_in_needed"
                ? new SignInNeededException(message)
                : new AcspassException(kind, message);
        }
        catch (Exception cause) when (
            cause is IOException or HttpRequestException or JsonException
            || (cause is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new AcspassException(
                "unreachable",
                $"the token service at {_address.Authority} gave no answer: see that `acspass serve` runs",
                cause);
        }
    }

    public void Dispose() => _http.Dispose();

    private static string Wanted(string name) =>
        Environment.GetEnvironmentVariable(name)
        ?? throw new AcspassException("usage", $"{name} is not set: start the app by `acspass exec`");
}
